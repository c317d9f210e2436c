import type { LevelPolicy } from './level-policy.js';
import type { LevelReadings } from './level-types.js';

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
export const defaultIntervalPolicy: IntervalPolicy = { farMs: 1_000, nearMs: 250, closeMs: 50, nearPoints: 15, closePoints: 5 };

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

function lowest(metric: LevelPolicy['cpu']): number {
  const bounds = Object.values(metric.bounds).map((bound) => bound.at);
  return bounds.length === 0 ? 100 : Math.min(...bounds);
}
