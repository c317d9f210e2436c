import type { LevelBound } from './level-policy.js';
import type { KnownLevel, RaisedLevel } from './level-types.js';

/** Least to worst. */
export const raisedLevels: readonly RaisedLevel[] = ['warn', 'critical', 'emergency'];

const rank: { readonly [level in KnownLevel]: number } = { normal: 0, warn: 1, critical: 2, emergency: 3 };

/** Negative when `a` is calmer than `b`. */
export function compareLevels(a: KnownLevel, b: KnownLevel): number {
  return rank[a] - rank[b];
}

/** The worse of two levels. */
export function worseOf(a: KnownLevel, b: KnownLevel): KnownLevel {
  return rank[a] >= rank[b] ? a : b;
}

/** Whether a reading is over a bound, exactly as the bound is written. */
export function isOver(reading: number, bound: LevelBound): boolean {
  return bound.exclusive ? reading > bound.at : reading >= bound.at;
}
