import { compareLevels, raisedLevels } from './level-order.js';
import { type LevelPolicy, type MetricPolicy, policyOf } from './level-policy.js';
import type { LevelReadings, LevelState } from './level-types.js';

/** How often to look, in milliseconds, and how near a threshold (in points) is near. */
export interface IntervalPolicy {
  readonly farMs: number;
  readonly nearMs: number;
  readonly closeMs: number;
  readonly nearPoints: number;
  readonly closePoints: number;
}

/**
 * A sample costs well under a millisecond, so the price of looking often is small but not nothing; a memory hog at full
 * speed crosses the last five points in a few hundred milliseconds, which is what the shortest interval is for.
 */
export const defaultIntervalPolicy: IntervalPolicy = { farMs: 500, nearMs: 250, closeMs: 50, nearPoints: 15, closePoints: 5 };

/** Between two looks at a level that is on its way: as soon as its time has come it is told. Shorter pauses would only measure timers. */
const PENDING_MS = { shortest: 20, longest: 100 };

/**
 * The time until the next sample. Close to the RAM emergency: shortest. Within `nearPoints` of the lowest threshold of
 * CPU or RAM, over it, or without a reading: short. Disks do not count: they fill over minutes, and one that stays at
 * 80 % for a year must not cost four samples a second for a year.
 */
export function nextInterval(
  sample: Pick<LevelReadings, 'cpuPercent' | 'ramPercent'> | null,
  levels: Pick<LevelPolicy, 'cpu' | 'ram'>,
  policy: IntervalPolicy = defaultIntervalPolicy,
): number {
  const cpu = sample?.cpuPercent ?? null;
  const ram = sample?.ramPercent ?? null;
  const emergency = levels.ram.bounds.emergency?.at ?? 100;
  if (ram !== null && ram >= emergency - policy.closePoints) return policy.closeMs;
  if (cpu === null || ram === null) return policy.nearMs;
  const nearCpu = cpu >= lowest(levels.cpu) - policy.nearPoints;
  const nearRam = ram >= lowest(levels.ram) - policy.nearPoints;
  return nearCpu || nearRam ? policy.nearMs : policy.farMs;
}

/** The least of a metric that is near a level or not calm yet, in percent: below it a reading need not be of this moment. */
export function mattersFrom(metric: MetricPolicy, policy: IntervalPolicy = defaultIntervalPolicy): number {
  return lowest(metric) - Math.max(policy.nearPoints, metric.margin);
}

/**
 * The time until the next look at a level that is on its way (over its bound, not yet for long enough): what is left, shared among the
 * readings that it still needs, and never long; null where none is on its way. A rate needs some readings until its window holds
 * nothing of the time before; and a sample just when the level may be entered tells it at once, instead of up to an interval later.
 */
export function untilEntered(state: Pick<LevelState, 'metrics'>, policy: LevelPolicy, now: number): number | null {
  const waits = Object.entries(state.metrics).flatMap(([name, metric]) =>
    raisedLevels.flatMap((level) => {
      const streak = metric.above[level];
      const bound = policyOf(name, policy).bounds[level];
      const isEntered = metric.level !== null && compareLevels(metric.level, level) >= 0;
      if (streak === undefined || bound === undefined || isEntered) return [];
      const missing = Math.max(1, bound.enterAfterSamples - streak.samples);
      const share = (streak.since + bound.enterAfterMs - now) / missing;
      return [Math.min(PENDING_MS.longest, Math.max(PENDING_MS.shortest, share))];
    }),
  );
  return waits.length === 0 ? null : Math.min(...waits);
}

function lowest(metric: MetricPolicy): number {
  const bounds = Object.values(metric.bounds).map((bound) => bound.at);
  return bounds.length === 0 ? 100 : Math.min(...bounds);
}
