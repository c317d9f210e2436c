import type { ComposeModel } from '../compose-model.js';
import type { Finding, Plan, ServicePlan } from '../deployment-types.js';
import { finding } from './request.js';

export interface Holder {
  readonly protocol: string;
  readonly ip: string;
  readonly port: number;
}

export interface PreFlightFacts {
  readonly dryRun: boolean;
  readonly plan: Plan;
  readonly model: ComposeModel;
  /** What containers publish, with the container. */
  readonly published: readonly (Holder & { readonly id: string; readonly name: string })[];
  /** What listens on the host, with its process. */
  readonly listeners: readonly (Holder & { readonly pid: number | null; readonly name: string })[];
  /** The port registry: who a port is meant for. */
  readonly inventory: readonly {
    readonly name: string;
    readonly port: number;
    readonly project: string | null;
    readonly service: string | null;
  }[];
  /** Bytes and cores of the host; null where its Swarm chooses the node, and says where none has room. */
  readonly host: { readonly memory: number; readonly availableMemory: number; readonly cpus: number } | null;
  readonly disks: readonly { readonly path: string; readonly freeMb: number | null }[];
  readonly minFreeMb: number;
  readonly verify: { readonly withinMs: number; readonly healthyForMs: number };
}

/** Everything that would make the deployment fail, as far as it can be known before. */
export function preFlightFindings(facts: PreFlightFacts): Finding[] {
  const starting = facts.plan.services.filter(({ change }) => change === 'create' || change === 'replace');
  return [
    // A dry run fetches and builds nothing: what is not here yet is no finding then.
    ...(facts.dryRun ? [] : starting.flatMap((service) => imageFindings(service))),
    ...starting.flatMap((service) => portFindings(service, facts)),
    ...starting.flatMap((service) => resourceFindings(service, facts)),
    ...starting.flatMap((service) => timingFindings(service, facts)),
    ...(starting.length > 0 ? diskFindings(facts) : []),
  ];
}

function imageFindings({ service, image, imageId }: ServicePlan): Finding[] {
  return imageId === '' ? [finding('image-missing', service, image, 'an image that the engine has, can fetch or can build')] : [];
}

function portFindings(
  { service, old }: ServicePlan,
  { plan, model, published, listeners, inventory }: PreFlightFacts,
): Finding[] {
  // What the stopping version holds is free by then.
  const giveWay = new Set(plan.services.flatMap((one) => (one.change === 'keep' ? [] : one.old.map(({ id }) => id))));
  const leaving = published.filter(({ id }) => giveWay.has(id));
  const findings: Finding[] = [];
  for (const { ip, port, protocol } of wantedPorts(model, service)) {
    const wanted = { ip, port, protocol };
    const where = `${service}: port ${ip}:${port}/${protocol}`;
    const container = published.find((holder) => !giveWay.has(holder.id) && collides(holder, wanted));
    if (container !== undefined) {
      findings.push(finding('port-taken', where, `held by container ${container.name}`, 'a free port'));
      continue;
    }
    const listener = listeners.find((holder) => collides(holder, wanted));
    const ours = leaving.some((holder) => collides(holder, wanted));
    if (listener !== undefined && !ours) {
      const holder = listener.pid === null ? listener.name : `${listener.name} (pid ${listener.pid})`;
      findings.push(finding('port-taken', where, `held by ${holder}`, 'a free port'));
      continue;
    }
    const meant = inventory.find((entry) => entry.port === port && protocol === 'tcp');
    if (meant !== undefined && old.length === 0 && !(meant.project === plan.folder && meant.service === service))
      findings.push(
        finding(
          'port-registered',
          where,
          `the inventory has it for ${meant.name}`,
          'a port that no other service of the inventory has',
        ),
      );
  }
  return findings;
}

/** The ports of the host that a service is to have. */
export function wantedPorts(model: ComposeModel, service: string): Holder[] {
  return (model.services[service]?.ports ?? []).flatMap(({ published, host_ip, protocol = 'tcp' }) => {
    const [from, to] = (published ?? '').split('-').map(Number);
    if (from === undefined || Number.isNaN(from) || from === 0) return [];
    // With a range Docker takes any that is free: only a single port can be said to be taken.
    return to === undefined || to === from ? [{ ip: host_ip ?? '0.0.0.0', port: from, protocol }] : [];
  });
}

const ANY = new Set(['0.0.0.0', '::', '']);

function collides(a: Holder, b: Holder): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || ANY.has(a.ip) || ANY.has(b.ip));
}

function resourceFindings({ service, replicas }: ServicePlan, { model, host }: PreFlightFacts): Finding[] {
  if (host === null) return [];
  const planned = model.services[service];
  const reserved = planned?.deploy?.resources?.reservations;
  const bytes = Number(reserved?.memory ?? planned?.mem_reservation ?? 0) * replicas;
  const wantedCpus = Number(reserved?.cpus ?? 0) * replicas;
  const findings: Finding[] = [];
  if (bytes > host.memory)
    findings.push(
      finding(
        'unschedulable',
        `${service}: memory reservation`,
        megabytes(bytes),
        `at most the ${megabytes(host.memory)} of this host`,
      ),
    );
  else if (bytes > host.availableMemory)
    findings.push(
      finding(
        'not-enough-memory',
        `${service}: memory reservation`,
        megabytes(bytes),
        `at most the ${megabytes(host.availableMemory)} that are free`,
      ),
    );
  if (wantedCpus > host.cpus)
    findings.push(finding('unschedulable', `${service}: CPU reservation`, wantedCpus, `at most the ${host.cpus} of this host`));
  return findings;
}

function timingFindings({ service, earliestHealthyMs }: ServicePlan, { verify }: PreFlightFacts): Finding[] {
  const earliest = earliestHealthyMs + verify.healthyForMs;
  if (earliest < verify.withinMs) return [];
  return [
    finding(
      'health-too-slow',
      `${service}: healthcheck`,
      `healthy after ${earliest} ms at the earliest`,
      `less than deploy.verify.within (${verify.withinMs} ms): a shorter interval, or more at a time in a Swarm`,
    ),
  ];
}

function diskFindings({ disks, minFreeMb }: PreFlightFacts): Finding[] {
  return disks.flatMap(({ path, freeMb }) =>
    freeMb !== null && freeMb < minFreeMb ? [finding('disk-full', path, `${freeMb} MB free`, `at least ${minFreeMb} MB`)] : [],
  );
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}
