import { type ContainerMain, containersOfUnread } from './container-mains.js';
import type { ProcessFact } from './runaway-process.js';
import { isContainerInit, type Judged } from './runaway-sparing.js';

export type Metric = 'ram' | 'cpu';

/** A member that takes this share of what its group does is the runaway by itself: ending the others as well would free little and cost them all. */
const ALONE = 0.8;

/** What is ended as one: a whole container, or the members of one process group that may be. */
export interface Unit {
  readonly container: string | null;
  /** The largest first; never empty. */
  readonly members: readonly [Judged, ...Judged[]];
  /** What they use together, of the metric that they were ranked by. */
  readonly size: number;
}

/**
 * Puts those who may be ended together, and ranks what comes of it by what the members use in sum: the largest first, of
 * equals the youngest, which has least to lose. A group of which one member takes nearly all is that member. Whoever is spared is in no unit, also when the rest of its group is. A container
 * is one unit where nothing in it is spared; else its process groups are, like those of the host. One of these that the container lives by
 * stands for it where nobody named the rest: that goes with it in any case, and only the engine keeps it from coming back.
 */
export function rankUnits(
  judged: readonly Judged[],
  eligible: readonly Judged[],
  metric: Metric,
  mains: ReadonlyMap<string, ContainerMain>,
): Unit[] {
  const unread = containersOfUnread(judged);
  const whole = containersOf(judged, eligible, unread, isContainerInit);
  const unnamed = containersOf(judged, eligible, unread, (each) => isContainerInit(each) || each.spared === 'unknown-owner');
  const units = new Map<string, Judged[]>();
  for (const each of eligible) {
    const { pid, processGroup } = each.process;
    // Without a number in sight nothing says who belongs together.
    const group = processGroup > 0 ? `group ${processGroup}` : `process ${pid}`;
    const key = each.container !== null && whole.has(each.container) ? each.container : group;
    const unit = units.get(key);
    if (unit === undefined) units.set(key, [each]);
    else unit.push(each);
  }
  return [...units]
    .flatMap(([key, members]) => {
      const [first, ...others] = members.sort((a, b) => sizeOf(b.process, metric) - sizeOf(a.process, metric));
      if (first === undefined) return [];
      if (whole.has(key)) return [unitOf(key, [first, ...others], metric)];
      const group = unitOf(null, [first, ...others], metric);
      const unit = sizeOf(first.process, metric) >= ALONE * group.size ? unitOf(null, [first], metric) : group;
      return [{ ...unit, container: livedBy(unit, mains, unnamed) }];
    })
    .sort((a, b) => b.size - a.size || nameGiver(b).process.startTime - nameGiver(a).process.startTime);
}

/** The container of which this unit is all that was named, and what it lives by. */
function livedBy({ members }: Unit, mains: ReadonlyMap<string, ContainerMain>, unnamed: ReadonlySet<string>): string | null {
  const [{ container }] = members;
  const lives = container === null || !unnamed.has(container) ? undefined : mains.get(container);
  if (lives === undefined || members.some((each) => each.container !== container)) return null;
  return members.includes(lives.first) || members.includes(lives.main) ? container : null;
}

/** The containers in which everything may be ended, or may go. What was not read may belong to one: then that one is not known to be. */
function containersOf(
  judged: readonly Judged[],
  eligible: readonly Judged[],
  unread: ReadonlySet<string>,
  mayGo: (each: Judged) => boolean,
): ReadonlySet<string> {
  const may = new Set(eligible);
  const found = new Set(eligible.flatMap(({ container }) => container ?? []));
  for (const id of unread) found.delete(id);
  for (const each of judged) {
    if (each.container === null || each.spared === 'already-ending' || may.has(each) || mayGo(each)) continue;
    found.delete(each.container);
  }
  return found;
}

/** Who stands for a unit in texts and events: the leader of a group, where it is one of them; else, and for a container, the largest. */
export function nameGiver({ members, container }: Unit): Judged {
  if (container !== null) return members[0];
  return members.find(({ process }) => process.pid === process.processGroup) ?? members[0];
}

/** What a process uses of a metric: resident bytes, or percent of one core. */
export function sizeOf(process: ProcessFact, metric: Metric): number {
  return metric === 'ram' ? process.rssBytes : (process.cpuPercent ?? 0);
}

function unitOf(container: string | null, members: readonly [Judged, ...Judged[]], metric: Metric): Unit {
  return { container, members, size: members.reduce((sum, { process }) => sum + sizeOf(process, metric), 0) };
}
