import type { ProcessFact } from './runaway-process.js';
import type { Judged } from './runaway-sparing.js';

export type Metric = 'ram' | 'cpu';

/** What is ended as one: the members of one process group that may be. */
export interface Unit {
  /** The largest first; never empty. */
  readonly members: readonly [Judged, ...Judged[]];
  /** What they use together, of the metric that they were ranked by. */
  readonly size: number;
}

/**
 * Puts those who may be ended together, and ranks what comes of it by what the members use in sum: the largest first, of
 * equals the youngest, which has least to lose. Whoever is spared is in no unit, also when the rest of its group is.
 */
export function rankUnits(eligible: readonly Judged[], metric: Metric): Unit[] {
  const groups = new Map<string, Judged[]>();
  for (const each of eligible) {
    const { pid, processGroup } = each.process;
    // Without a number in sight nothing says who belongs together.
    const key = processGroup > 0 ? `group ${processGroup}` : `process ${pid}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [each]);
    else group.push(each);
  }
  return [...groups.values()]
    .flatMap((group) => {
      const [first, ...others] = group.sort((a, b) => sizeOf(b.process, metric) - sizeOf(a.process, metric));
      return first === undefined ? [] : [unitOf([first, ...others], metric)];
    })
    .sort((a, b) => b.size - a.size || nameGiver(b).process.startTime - nameGiver(a).process.startTime);
}

/** Who stands for a unit in texts and events: the leader of the group, or the largest member where the leader is not one of them. */
export function nameGiver({ members }: Unit): Judged {
  return members.find(({ process }) => process.pid === process.processGroup) ?? members[0];
}

/** What a process uses of a metric: resident bytes, or percent of one core. */
export function sizeOf(process: ProcessFact, metric: Metric): number {
  return metric === 'ram' ? process.rssBytes : (process.cpuPercent ?? 0);
}

function unitOf(members: readonly [Judged, ...Judged[]], metric: Metric): Unit {
  return { members, size: members.reduce((sum, { process }) => sum + sizeOf(process, metric), 0) };
}
