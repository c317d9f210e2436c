import type { ContainerMain } from './container-mains.js';
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
 * is one unit where nothing in it is spared, or only what nobody named while what it lives by may be ended: that goes with it in any case, and
 * only the engine keeps it from coming back. Else its process groups are, like those of the host.
 */
export function rankUnits(
  judged: readonly Judged[],
  eligible: readonly Judged[],
  metric: Metric,
  mains: ReadonlyMap<string, ContainerMain>,
): Unit[] {
  const whole = wholeContainers(judged, eligible, mains);
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
      return [sizeOf(first.process, metric) >= ALONE * group.size ? unitOf(null, [first], metric) : group];
    })
    .sort((a, b) => b.size - a.size || nameGiver(b).process.startTime - nameGiver(a).process.startTime);
}

/** The containers that are ended as one. What was not read whole may belong to one: then that one is not known to be. */
function wholeContainers(
  judged: readonly Judged[],
  eligible: readonly Judged[],
  mains: ReadonlyMap<string, ContainerMain>,
): ReadonlySet<string> {
  const may = new Set(eligible);
  const whole = new Set(eligible.flatMap(({ container }) => container ?? []));
  if (whole.size === 0) return whole;
  const byPid = new Map(judged.map((each) => [each.process.pid, each]));
  // What an engine starts inside later on is no child of the container's first process, but of the one above.
  const above = new Map<number, string[]>();
  for (const { process, container } of judged) {
    if (container !== null) above.set(process.ppid, [...(above.get(process.ppid) ?? []), container]);
  }
  for (const each of judged) {
    const { process, spared } = each;
    if (spared === 'already-ending') continue;
    if (process.cgroup !== null) {
      if (each.container === null || may.has(each) || isContainerInit(each)) continue;
      const main = mains.get(each.container)?.main;
      if (spared !== 'unknown-owner' || main === undefined || !may.has(main)) whole.delete(each.container);
      continue;
    }
    if (spared === 'kernel-thread' || spared === 'first-processes') continue;
    const parent = nearestRead(process, byPid);
    for (const id of [parent.container, ...(above.get(parent.pid) ?? [])]) whole.delete(id ?? '');
  }
  return whole;
}

/** The first one upwards whose control group was read; one that is not in the table has none that we know of. */
function nearestRead(process: ProcessFact, byPid: ReadonlyMap<number, Judged>): { pid: number; container: string | null } {
  const seen = new Set<number>();
  for (let pid = process.ppid; ; ) {
    const next = byPid.get(pid);
    if (next === undefined || next.process.cgroup !== null || seen.has(pid)) return { pid, container: next?.container ?? null };
    seen.add(pid);
    pid = next.process.ppid;
  }
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
