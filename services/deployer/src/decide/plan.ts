import type { ComposeModel, ComposeService } from '../compose-model.js';
import type { DumpPlan, OldContainer, OrchestratorName, Plan, ReleaseFacts, Request, ServicePlan } from '../deployment-types.js';
import type { ContainerFacts, ImageFacts } from '../engine-facts.js';
import { canonical } from './canonical.js';
import { plannedDumps } from './dumps.js';
import { startOrder } from './order.js';
import { isSetAside } from './set-aside.js';
import { strategyOf, swarmStrategy } from './strategy.js';
import { earliestHealthyMs, earliestRolloutMs, hasHealthcheck } from './timing.js';

/** Everything that a plan is made of. */
export interface PlanFacts {
  readonly request: Request;
  readonly orchestrator: OrchestratorName;
  /** Of a Swarm: image reference → what its nodes are told to run. */
  readonly pins: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly model: ComposeModel;
  readonly hashes: Readonly<Record<string, string>>;
  /** Image reference → what the engine has of that name; undefined where it has none. */
  readonly images: Readonly<Record<string, ImageFacts | undefined>>;
  readonly containers: readonly ContainerFacts[];
  /** Compose service → its name in the inventory, whether two versions may run at once, and its database. */
  readonly inventory: Readonly<
    Record<string, { readonly name: string; readonly twoVersions: boolean; readonly database?: DumpPlan | undefined }>
  >;
  /** What runs now, as far as it is known. */
  readonly current: ReleaseFacts | undefined;
  /** The release that is to come back. */
  readonly release: string | null;
  readonly overrides: Readonly<Record<string, string>>;
  /** The model of that release, for what differs. */
  readonly before: ComposeModel | undefined;
  /** Path → hash, of every file that the project reads or mounts. */
  readonly fileHashes: Readonly<Record<string, string>>;
  /** Service → the paths that it reads or mounts. */
  readonly filesOf: Readonly<Record<string, readonly string[]>>;
}

/** What has to change so that the project runs as its files say; what runs so already is untouched. */
export function planDeployment(facts: PlanFacts): Plan {
  const { request, model, files, fileHashes } = facts;
  const names = request.services.length > 0 ? request.services : Object.keys(model.services);
  const planned = names.flatMap((name) => {
    const service = model.services[name];
    return service === undefined ? [] : [planService(facts, name, service)];
  });
  const services = startOrder(planned);
  const { dumps, irreversible } = plannedDumps({
    request,
    services,
    containers: facts.containers,
    databases: Object.fromEntries(Object.entries(facts.inventory).map(([name, { database }]) => [name, database])),
  });
  const touched = new Set(services.map(({ service }) => service));
  return {
    project: model.name,
    orchestrator: facts.orchestrator,
    folder: request.folder,
    files,
    services,
    untouched: Object.keys(model.services)
      .filter((name) => !touched.has(name))
      .sort(),
    irreversible: [...irreversible, ...irreversibleReasons(facts, services)],
    dumps,
    release: facts.release,
    overrides: facts.overrides,
    fileHashes,
  };
}

function planService(facts: PlanFacts, name: string, service: ComposeService): ServicePlan {
  const { request, containers, inventory } = facts;
  // What another deployment has set aside is not the version that runs.
  const running = containers.filter((container) => container.service === name && !isSetAside(container));
  const image = service.image ?? `${facts.model.name}-${name}`;
  const found = facts.images[image];
  const oneShot = isOneShot(facts.model, name, facts);
  const replicas = service.deploy?.replicas ?? service.scale ?? 1;
  const differences = differencesOf(facts, name, service, running, { imageId: found?.id, oneShot, replicas });
  const forced =
    request.kind === 'restart' || request.kind === 'remove' || (request.kind === 'config' && request.services.length > 0);
  const change = differences.length === 0 && !forced ? 'keep' : changeOf(request, running);
  const base = {
    service: name,
    inventory: inventory[name]?.name ?? null,
    change,
    differences: differences.length > 0 ? differences : [change === 'keep' ? 'runs as asked' : 'asked for'],
    oneShot,
    old: running.map(oldContainer),
    image,
    replicas,
    dependsOn: Object.keys(service.depends_on ?? {}).sort(),
    earliestHealthyMs:
      facts.orchestrator === 'swarm' ? earliestRolloutMs(service, found, replicas) : earliestHealthyMs(service, found),
    healthcheck: hasHealthcheck(service, found),
  };
  // A restart is of what runs, whatever the files say by now.
  const asItRuns = change === 'restart';
  return {
    ...base,
    imageId: change === 'remove' ? null : asItRuns ? (running[0]?.imageId ?? '') : (found?.id ?? ''),
    configHash: change === 'remove' ? null : asItRuns ? (running[0]?.configHash ?? '') : (facts.hashes[name] ?? ''),
    pinned: facts.pins[image] ?? null,
    strategy:
      facts.orchestrator === 'swarm'
        ? swarmStrategy(service)
        : strategyOf(service, running, inventory[name]?.twoVersions === true),
  };
}

function changeOf({ kind }: Request, running: readonly ContainerFacts[]): ServicePlan['change'] {
  if (kind === 'remove') return 'remove';
  if (running.length === 0) return 'create';
  return kind === 'restart' ? 'restart' : 'replace';
}

/** A difference: somebody has changed the service since we left it. */
export const BY_HAND = 'changed by hand';

function differencesOf(
  { hashes, current, before, fileHashes, filesOf }: PlanFacts,
  name: string,
  service: ComposeService,
  running: readonly ContainerFacts[],
  { imageId, oneShot, replicas }: { readonly imageId: string | undefined; readonly oneShot: boolean; readonly replicas: number },
): string[] {
  if (running.length === 0) return ['not there yet'];
  const differences: string[] = [];
  if (running.some((container) => container.imageId !== imageId)) differences.push('image');
  const left = current?.services[name]?.specHash;
  if (left !== undefined && running.some(({ specHash }) => specHash !== left)) differences.push(BY_HAND);
  if (running.some((container) => container.configHash !== hashes[name])) {
    const known = before?.services[name];
    const named = known === undefined ? [] : fieldDifferences(known, service);
    differences.push(...(named.length > 0 ? named : ['configuration']));
  }
  const changed = (filesOf[name] ?? []).filter((path) => current !== undefined && current.fileHashes[path] !== fileHashes[path]);
  differences.push(...changed.map((path) => `file ${path}`));
  if (running.some((container) => !container.running && !(oneShot && container.exitCode === 0))) differences.push('not running');
  if (running.length !== replicas) differences.push(`replicas: ${running.length} -> ${replicas}`);
  return differences;
}

// Said with names of their own, or no difference of the container.
const SAID_OTHERWISE: ReadonlySet<string> = new Set([
  'environment',
  'labels',
  'image',
  'depends_on',
  'build',
  'env_file',
  'pull_policy',
]);

// Names only: what a variable is set to may be a secret.
function fieldDifferences(before: ComposeService, after: ComposeService): string[] {
  const changedKeys = (a: Record<string, unknown> | null | undefined, b: Record<string, unknown> | null | undefined) =>
    [...new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})])]
      .filter((key) => canonical(a?.[key]) !== canonical(b?.[key]))
      .sort();
  const environment = changedKeys(before.environment, after.environment);
  const labels = changedKeys(before.labels, after.labels);
  return [
    ...(environment.length > 0 ? [`environment: ${environment.join(', ')}`] : []),
    ...(labels.length > 0 ? [`labels: ${labels.join(', ')}`] : []),
    ...changedKeys(before, after).filter((field) => !SAID_OTHERWISE.has(field)),
  ];
}

/** Whether a service does its work and ends: because somebody waits for just that, or because it did so in the release that runs. A service that
   somebody has stopped looks the same from outside, and is none. */
export function isOneShot(
  model: ComposeModel,
  name: string,
  { current, inventory }: Pick<PlanFacts, 'current' | 'inventory'>,
): boolean {
  const awaited = Object.values(model.services).some(
    ({ depends_on }) => depends_on?.[name]?.condition === 'service_completed_successfully',
  );
  return awaited || (inventory[name] === undefined && current?.services[name]?.running === false);
}

function oldContainer(container: ContainerFacts): OldContainer {
  const { id, name, imageId, configHash, running, restartPolicy, restartCount, oomKilled } = container;
  return { id, name, imageId, configHash, running, restartPolicy, restartCount, oomKilled };
}

const DATABASES = /(?:^|\/)(?:postgres|postgresql|mysql|mariadb|mongo|redis|valkey|elasticsearch|chroma)[^/]*:v?(\d+)/i;

// What an earlier version cannot be put back over: its data would be gone, or unreadable for it.
function irreversibleReasons({ request, before }: PlanFacts, services: readonly ServicePlan[]): string[] {
  const reasons: string[] = [];
  if (request.volumesChanged) reasons.push('the request says that volumes change');
  for (const { service, image, change, strategy } of services) {
    if (change === 'replace' && strategy === 'in-place' && before === undefined)
      reasons.push(`${service}: it must be recreated in place, and no release is known that one could go back to`);

    const was = before?.services[service]?.image;
    const [from, to] = [DATABASES.exec(was ?? '')?.[1], DATABASES.exec(image)?.[1]];
    if (change === 'replace' && from !== undefined && to !== undefined && from !== to)
      reasons.push(`${service}: a database goes from major version ${from} to ${to}, which rewrites its data`);
  }
  return reasons;
}
