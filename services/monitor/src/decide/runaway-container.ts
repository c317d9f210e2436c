import type { ProcessFact } from './runaway-process.js';

/** A running container, as the engine lists it. */
export interface KnownContainer {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What is known of containers when a victim is chosen. */
export interface ContainerFacts {
  /** By id, as the engine told of them last; an id is never used again, so what was known once stays true while the engine is away. */
  readonly known: ReadonlyMap<string, KnownContainer>;
  /** The containers that we run in ourselves: what is in those is judged process by process. */
  readonly own: readonly string[];
}

// docker/<id> (version 1, cgroupfs), docker-<id>.scope (version 2, systemd), cri-containerd-<id>.scope, and /../<id> as a container sees another.
const ID = /(?<=[/:-])(?<!conmon-)[0-9a-f]{64}(?=\.scope(?:\/|$)|\/|$)/gm;

/** The ids of the containers that the lines of a /proc/<pid>/cgroup tell of, the outermost first. */
export function containerIds(cgroup: string | null): readonly string[] {
  return cgroup === null ? [] : [...new Set(cgroup.match(ID))];
}

/** The container that a process is in: one that the engine knows, else the outermost that is not ours. Null for none. */
export function containerOf({ cgroup }: ProcessFact, { known, own }: ContainerFacts): string | null {
  const ids = containerIds(cgroup).filter((id) => !own.includes(id));
  return ids.find((id) => known.has(id)) ?? ids[0] ?? null;
}

/** How a service of the inventory names its container. */
export interface ContainerRule {
  readonly containerNames?: readonly string[];
  /** The folder with its Compose file, and its name in there. */
  readonly compose?: { readonly project: string; readonly service: string } | undefined;
}

/** Whether a rule means this container: by its name, or by what Compose (or a stack of a Swarm) wrote on it. */
export function namesContainer({ containerNames, compose }: ContainerRule, { name, labels }: KnownContainer): boolean {
  if (containerNames?.includes(name)) return true;
  if (compose === undefined) return false;
  const project = projectName(compose.project);
  const isOfProject =
    labels['com.docker.compose.project.working_dir'] === compose.project || labels['com.docker.compose.project'] === project;
  if (isOfProject && labels['com.docker.compose.service'] === compose.service) return true;
  const stack = labels['com.docker.stack.namespace'];
  return stack !== undefined && labels['com.docker.swarm.service.name'] === `${stack}_${compose.service}`;
}

/** Whether this container has the Compose name of a rule's service, in whatever project. */
export function sharesService({ compose }: ContainerRule, { labels }: KnownContainer): boolean {
  return compose !== undefined && labels['com.docker.compose.service'] === compose.service;
}

/** Whether any container could be one of a rule's. */
export function isAboutContainers({ containerNames = [], compose }: ContainerRule): boolean {
  return containerNames.length > 0 || compose !== undefined;
}

// As Compose derives it from the folder.
function projectName(folder: string): string {
  const last =
    folder
      .split('/')
      .filter((part) => part !== '')
      .at(-1) ?? '';
  return last
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '');
}
