import { containerIds } from './runaway-container.js';
import type { ProcessFact } from './runaway-process.js';
import { isInit, type Judged } from './runaway-sparing.js';

/** What a container lives by. */
export interface ContainerMain {
  /** Its first process: when that ends, the kernel ends all of its pid namespace (pid_namespaces(7)), and the engine what else is in there. */
  readonly first: Judged;
  /** What it was made for: its first process, or what that has started where it only looks after others (tini). */
  readonly main: Judged;
  /** The first process, its oldest child, and so on: a wrapper (an init, a shell, npm) ends when what it has started does. */
  readonly line: ReadonlySet<Judged>;
}

/** What each container lives by, by its id; of one within another, both. */
export function containerMains(judged: readonly Judged[]): ReadonlyMap<string, ContainerMain> {
  const byPid = new Map(judged.map((each) => [each.process.pid, each]));
  const firsts = new Map<string, Judged>();
  const children = new Map<number, Judged>();
  for (const each of judged) {
    const ids = idsOf(each);
    const parent = byPid.get(each.process.ppid);
    const around = parent === undefined ? [] : idsOf(parent);
    // What an engine starts inside later on (`docker exec`) has a parent outside as well, and is younger.
    for (const id of ids) if (!around.includes(id)) keepOlder(firsts, id, each);
    if (each.spared !== 'already-ending') keepOlder(children, each.process.ppid, each);
  }
  return new Map([...firsts].map(([id, first]) => [id, mainOf(id, first, children)]));
}

function mainOf(id: string, first: Judged, children: ReadonlyMap<number, Judged>): ContainerMain {
  const line = new Set<Judged>();
  let next: Judged | undefined = first;
  while (next !== undefined && !line.has(next) && idsOf(next).includes(id)) {
    line.add(next);
    next = children.get(next.process.pid);
  }
  return { first, main: (isInit(first.process) ? [...line][1] : undefined) ?? first, line };
}

/** Whether a container ends with this process, which keeps something that must not end. */
export function takesKept(each: Judged, mains: ReadonlyMap<string, ContainerMain>, kept: ReadonlySet<string>): boolean {
  return idsOf(each).some((id) => kept.has(id) && mains.get(id)?.line.has(each) === true);
}

const MAY_GO = ['unknown-owner', 'already-ending'];

/**
 * The ids of the containers that hold something which must not end with them: what is spared for more than that nobody named it, what gives
 * way, and what was not read, which may be anything.
 */
export function keptContainers(judged: readonly Judged[], mayEnd: (process: ProcessFact) => boolean): ReadonlySet<string> {
  const kept = new Set(containersOfUnread(judged));
  for (const each of judged) {
    const stays = each.spared === null ? !mayEnd(each.process) : !MAY_GO.includes(each.spared);
    if (stays) for (const id of idsOf(each)) kept.add(id);
  }
  return kept;
}

/** The ids of the containers that a process may belong to whose control group was not read. */
export function containersOfUnread(judged: readonly Judged[]): ReadonlySet<string> {
  const byPid = new Map(judged.map((each) => [each.process.pid, each]));
  // What an engine starts inside later on is no child of the container's first process, but of the one above.
  const above = new Map<number, Set<string>>();
  for (const each of judged) {
    for (const id of idsOf(each)) {
      const known = above.get(each.process.ppid);
      if (known === undefined) above.set(each.process.ppid, new Set([id]));
      else known.add(id);
    }
  }
  const found = new Set<string>();
  for (const { process, spared } of judged) {
    if (process.cgroup !== null || spared === 'already-ending') continue;
    if (spared === 'kernel-thread' || spared === 'first-processes') continue;
    const parent = nearestRead(process, byPid);
    for (const id of [...parent.ids, ...(above.get(parent.pid) ?? [])]) found.add(id);
  }
  return found;
}

/** The first one upwards whose control group was read; one that is not in the table has none that we know of. */
function nearestRead(
  process: ProcessFact,
  byPid: ReadonlyMap<number, Judged>,
): { readonly pid: number; readonly ids: readonly string[] } {
  const seen = new Set<number>();
  for (let pid = process.ppid; ; ) {
    const next = byPid.get(pid);
    if (next === undefined) return { pid, ids: [] };
    if (next.process.cgroup !== null || seen.has(pid)) return { pid, ids: idsOf(next) };
    seen.add(pid);
    pid = next.process.ppid;
  }
}

function idsOf({ process }: Judged): readonly string[] {
  return containerIds(process.cgroup);
}

function keepOlder<K>(oldest: Map<K, Judged>, key: K, each: Judged): void {
  const known = oldest.get(key);
  if (known === undefined || each.process.startTime < known.process.startTime) oldest.set(key, each);
}
