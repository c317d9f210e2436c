import { largest } from '../decide/largest.js';
import type { DetailsOf, ProcessInfo, ProcessTable } from './process-table.js';
import { eachOf, type Steps } from './slices.js';

/** Members of one process group of which more than the name is read: the largest, and those that use most. Who is not read is no victim. */
const MOST_OF_A_GROUP = 50;
/** Above each container stands one of these: what is below it belongs together. */
const CONTAINER_PARENTS = /^(containerd-shim|conmon)/;

interface Bundle {
  rssBytes: number;
  usedTicks: number;
  readonly isContainer: boolean;
  readonly members: ProcessInfo[];
}

/**
 * For `detailsOf`: the `count` process groups and containers that are largest by memory, the `count` that have used the most CPU
 * since `previous`, and the ancestors of all these: a process is protected by what its parents are. The others cost one file each.
 */
export function heaviest(count: number, previous: ProcessTable | null): DetailsOf {
  return function* (processes) {
    const before = new Map<number, ProcessInfo>();
    yield* eachOf(previous?.processes ?? [], (each) => void before.set(each.pid, each));
    const used = (process: ProcessInfo) => {
      const earlier = before.get(process.pid);
      return process.cpuTicks - (earlier?.startTime === process.startTime ? earlier.cpuTicks : 0);
    };
    const byPid = new Map<number, ProcessInfo>();
    yield* eachOf(processes, (each) => void byPid.set(each.pid, each));
    const bundles = yield* bundlesOf(processes, used);
    const chosen = new Set([
      ...largest(bundles, count, ({ rssBytes }) => rssBytes),
      ...largest(bundles, count, ({ usedTicks }) => usedTicks),
    ]);
    const picked = new Set<number>();
    for (const bundle of chosen) {
      for (const each of membersToRead(bundle, byPid, used)) {
        let next: ProcessInfo | undefined = each;
        for (; next !== undefined && !next.kernelThread && !picked.has(next.pid); next = byPid.get(next.ppid))
          picked.add(next.pid);
      }
      yield;
    }
    return picked;
  };
}

function membersToRead(
  { isContainer, members }: Bundle,
  byPid: ReadonlyMap<number, ProcessInfo>,
  used: (process: ProcessInfo) => number,
): readonly ProcessInfo[] {
  // All of a container: it is ended as one only where nothing in it is spared.
  if (isContainer) return members;
  // The leader of the group always: a shell spares what shares its group, however small it is itself.
  const leader = byPid.get(members[0]?.processGroup ?? 0);
  return [
    ...(leader === undefined ? [] : [leader]),
    ...largest(members, MOST_OF_A_GROUP, ({ rssBytes }) => rssBytes),
    ...largest(members, MOST_OF_A_GROUP, used),
  ];
}

function* bundlesOf(processes: readonly ProcessInfo[], used: (process: ProcessInfo) => number): Steps<Bundle[]> {
  const containers = yield* containersOf(processes);
  const bundles = new Map<string | number, Bundle>();
  yield* eachOf(processes, (process) => {
    if (process.kernelThread) return;
    const parent = containers.get(process.pid);
    const key = parent !== undefined ? `below ${parent}` : process.processGroup > 0 ? process.processGroup : -process.pid;
    let bundle = bundles.get(key);
    if (bundle === undefined) {
      bundle = { rssBytes: 0, usedTicks: 0, isContainer: parent !== undefined, members: [] };
      bundles.set(key, bundle);
    }
    bundle.rssBytes += process.rssBytes;
    bundle.usedTicks += used(process);
    bundle.members.push(process);
  });
  return [...bundles.values()];
}

/** For each process that is below the parent of a container: that parent. */
function* containersOf(processes: readonly ProcessInfo[]): Steps<ReadonlyMap<number, number>> {
  const found = new Map<number, number>();
  const parents = processes.filter(({ name }) => CONTAINER_PARENTS.test(name));
  if (parents.length === 0) return found;
  const children = new Map<number, number[]>();
  yield* eachOf(processes, ({ pid, ppid }) => {
    const siblings = children.get(ppid);
    if (siblings === undefined) children.set(ppid, [pid]);
    else siblings.push(pid);
  });
  for (const { pid: parent } of parents) {
    const waiting = [...(children.get(parent) ?? [])];
    for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
      if (found.has(pid)) continue;
      found.set(pid, parent);
      waiting.push(...(children.get(pid) ?? []));
    }
    yield;
  }
  return found;
}
