import { isContainerInit, type Judged } from './runaway-sparing.js';

/** The processes that a container lives by: with any of them it ends, and all that is in it. */
export interface ContainerMain {
  /** Its first process, with which the kernel ends everything else in there (pid_namespaces(7)). */
  readonly first: Judged;
  /** What it was made for: its first process, or what that has started where it only looks after others (tini). */
  readonly main: Judged;
}

/** What each container lives by, by its id. */
export function containerMains(judged: readonly Judged[]): ReadonlyMap<string, ContainerMain> {
  const byPid = new Map(judged.map((each) => [each.process.pid, each]));
  const firsts = new Map<string, Judged>();
  // What an engine starts inside later on (`docker exec`) has a parent outside as well, and is younger.
  for (const each of judged) {
    const { container, process } = each;
    if (container !== null && byPid.get(process.ppid)?.container !== container) keepOlder(firsts, container, each);
  }
  const children = new Map<string, Judged>();
  for (const each of judged) {
    const first = firsts.get(each.container ?? '');
    if (each.container === null || first === undefined || each.process.ppid !== first.process.pid) continue;
    if (each.spared !== 'already-ending') keepOlder(children, each.container, each);
  }
  return new Map(
    [...firsts].map(([id, first]) => [id, { first, main: (isContainerInit(first) ? children.get(id) : undefined) ?? first }]),
  );
}

/** The containers that hold something which must not end with them. That nobody named a process is no reason to keep its container. */
export function keptContainers(judged: readonly Judged[]): ReadonlySet<string> {
  const mayGo = [null, 'unknown-owner', 'already-ending'];
  return new Set(judged.flatMap(({ container, spared }) => (container === null || mayGo.includes(spared) ? [] : [container])));
}

function keepOlder(oldest: Map<string, Judged>, container: string, each: Judged): void {
  const known = oldest.get(container);
  if (known === undefined || each.process.startTime < known.process.startTime) oldest.set(container, each);
}
