import type { OldContainer, ServicePlan } from '../deployment-types.js';
import type { ContainerFacts } from '../engine-facts.js';

/** The answer of a service's own check. */
export interface ProbeFacts {
  /** `unsure`: it could not be asked. */
  readonly outcome: 'ok' | 'slow' | 'failed' | 'unsure';
  readonly detail: string;
  /** The number of the answer: the same answer seen twice is one. */
  readonly n: number;
}

/** What was seen of one service at one moment. */
export interface Sight {
  readonly containers: readonly ContainerFacts[];
  /** Undefined where the inventory has no check of it; null where it has not answered yet. */
  readonly probe: ProbeFacts | null | undefined;
  /** Containers that ended since the last look, with their exit codes: an end that a restart has covered up. */
  readonly ended: readonly string[];
}

export type Health =
  | { readonly kind: 'healthy' }
  | { readonly kind: 'done' }
  | { readonly kind: 'not-yet'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string };

type Wanted = Pick<ServicePlan, 'service' | 'imageId' | 'configHash' | 'replicas' | 'oneShot' | 'change'> & {
  readonly old?: readonly Pick<OldContainer, 'id' | 'restartCount' | 'oomKilled'>[];
};

/** Whether its process may not end. */
export function mustRun({ oneShot, change }: Pick<Wanted, 'oneShot' | 'change'>): boolean {
  return !oneShot && change !== 'remove';
}

/**
 * What one look says of a service. `failed` can not get better by waiting: a process that ended, a container that is another than
 * was asked for, Docker's own `unhealthy`. A failed probe can: the service may still be starting.
 */
export function judgeService(wanted: Wanted, { containers, probe, ended }: Sight): Health {
  if (wanted.change === 'remove')
    return containers.length === 0 ? { kind: 'done' } : { kind: 'failed', why: `${wanted.service} is still there` };
  if (ended.length > 0 && mustRun(wanted)) return { kind: 'failed', why: `${wanted.service} ended: ${ended.join(', ')}` };
  if (containers.length < wanted.replicas)
    return { kind: 'not-yet', why: `${wanted.service}: ${containers.length} of ${wanted.replicas} containers are there` };
  if (containers.length > wanted.replicas)
    return { kind: 'not-yet', why: `${wanted.service}: ${containers.length} containers are there, not ${wanted.replicas}` };
  for (const container of containers) {
    const verdict = judgeContainer(wanted, container);
    if (verdict.kind !== 'healthy') return verdict;
  }
  if (wanted.oneShot) return { kind: 'done' };
  if (probe === null) return { kind: 'not-yet', why: `${wanted.service}: its check has not answered yet` };
  if (probe !== undefined && probe.outcome !== 'ok')
    return { kind: 'not-yet', why: `${wanted.service}: its check says: ${probe.detail}` };
  return { kind: 'healthy' };
}

function judgeContainer({ service, imageId, configHash, oneShot, old = [] }: Wanted, container: ContainerFacts): Health {
  const { name, status, running, exitCode, health, failingStreak } = container;
  // A container that ran before has a past of its own.
  const past = old.find(({ id }) => id === container.id);
  const restarts = container.restartCount - Math.min(past?.restartCount ?? 0, container.restartCount);
  const oomKilled = container.oomKilled && past?.oomKilled !== true;
  const failed = (why: string): Health => ({ kind: 'failed', why: `${service} (${name}) ${why}` });
  const notYet = (why: string): Health => ({ kind: 'not-yet', why: `${service} (${name}) ${why}` });
  if (container.imageId !== imageId) return failed(`runs image ${container.imageId}, not ${imageId}`);
  if (container.configHash !== configHash) return failed('has another configuration than the plan');
  if (oomKilled) return failed('was killed for its memory');
  if (oneShot) {
    if (status !== 'exited') return notYet(`is ${status}`);
    return exitCode === 0 ? { kind: 'healthy' } : failed(`ended with exit code ${exitCode}`);
  }
  if (restarts > 0) return failed(`was restarted ${restarts} times (last exit code ${exitCode})`);
  if (status === 'created') return notYet('is not started yet');
  if (status === 'exited' || status === 'dead' || status === 'restarting') return failed(`ended with exit code ${exitCode}`);
  if (!running) return notYet(`is ${status}`);
  if (health === 'unhealthy') return failed(`is unhealthy: ${failingStreak} probes in a row failed`);
  return health === 'starting' ? notYet('is starting: Docker has not seen it healthy yet') : { kind: 'healthy' };
}

/** How long each service has been healthy without a break; since when, by epoch ms. */
export type HealthySince = Readonly<Record<string, number>>;

export interface Round {
  /** Failed for good, or undefined. */
  readonly failed: string | undefined;
  readonly since: HealthySince;
  /** Why it is not proven yet; empty where every service has been healthy for long enough. */
  readonly missing: readonly string[];
}

/** One look at all services, with what the looks before have found. A service that is not healthy once begins anew. */
export function judgeRound(
  services: readonly Wanted[],
  sights: Readonly<Record<string, Sight>>,
  before: HealthySince,
  now: number,
  healthyForMs: number,
): Round {
  const since: Record<string, number> = {};
  const missing: string[] = [];
  for (const wanted of services) {
    const verdict = judgeService(wanted, sights[wanted.service] ?? { containers: [], probe: undefined, ended: [] });
    if (verdict.kind === 'failed') return { failed: verdict.why, since, missing: [verdict.why] };
    if (verdict.kind === 'not-yet') missing.push(verdict.why);
    if (verdict.kind === 'healthy') {
      const from = before[wanted.service] ?? now;
      since[wanted.service] = from;
      if (now - from < healthyForMs) missing.push(`${wanted.service} has been healthy for ${now - from} ms`);
    }
  }
  return { failed: undefined, since, missing };
}

/** Failed looks in a row, by service, and the answer that was counted last. */
export type Strikes = Readonly<Record<string, { readonly count: number; readonly n: number | null }>>;

/**
 * A look in the watch window: a failed check counts, and `most` in a row are a failure; what ended or changed is one at once.
 * @param regular whether a period has passed since the last regular look: one that an event asked for does not count twice what it saw
 */
export function judgeWatch(
  services: readonly Wanted[],
  sights: Readonly<Record<string, Sight>>,
  before: Strikes,
  { most, regular }: { readonly most: number; readonly regular: boolean },
): { readonly failed: string | undefined; readonly strikes: Strikes } {
  const strikes: Record<string, { count: number; n: number | null }> = {};
  for (const wanted of services) {
    const verdict = judgeService(wanted, sights[wanted.service] ?? { containers: [], probe: undefined, ended: [] });
    if (verdict.kind === 'failed') return { failed: verdict.why, strikes };
    if (verdict.kind !== 'not-yet' || !counts(sights[wanted.service])) continue;
    const last = before[wanted.service];
    const n = sights[wanted.service]?.probe?.n ?? null;
    const fresh = n === null ? regular : n !== last?.n;
    const count = (last?.count ?? 0) + (fresh ? 1 : 0);
    strikes[wanted.service] = { count, n };
    if (count >= most) return { failed: `${verdict.why} (${count} in a row)`, strikes };
  }
  return { failed: undefined, strikes };
}

// Once it has been proven healthy, an answer that comes late is still an answer, and a check that could not be made says nothing.
function counts(sight: Sight | undefined): boolean {
  const { probe, containers = [] } = sight ?? {};
  // Docker is still waiting for its first probe, as after a restart of the engine: it will say unhealthy by itself.
  if (containers.some(({ health, running }) => running && health === 'starting')) return false;
  return probe === undefined || probe === null || probe.outcome === 'failed';
}
