import { type ReviewedRun, type ReviewWindow, tellsRuntime } from './history.js';
import { median } from './order.js';

/** How long the runs of 24 hours took. */
export interface DailyLevel {
  /** Whole days before the end of the window; 0 for the last 24 hours, -1 for those before. */
  readonly day: number;
  /** The natural logarithm of the median runtime in ms: a difference is a ratio, and an outlier among several runs is not seen. */
  readonly level: number;
  readonly runs: number;
}

const DAY_MS = 86_400_000;
/** Hours of a day differ: a day of which much is missing tells of the hours that it has. */
const WHOLE_DAY = 0.75;
const MANY_RUNS = 4;

/**
 * One value for each 24 hours in which the job ran, oldest first. The days are counted back from the end of the window, so that each holds
 * every hour once, and what differs by hour differs in none of them.
 */
export function dailyLevels(runs: readonly ReviewedRun[], { trend_from, to }: ReviewWindow): readonly DailyLevel[] {
  const days = new Map<number, number[]>();
  for (const run of runs) {
    if (!tellsRuntime(run) || run.started_at < trend_from || run.started_at >= to) continue;
    const day = -Math.floor((to - 1 - run.started_at) / DAY_MS);
    const durations = days.get(day) ?? [];
    durations.push(run.duration_ms);
    days.set(day, durations);
  }
  const usual = median([...days.values()].map(({ length }) => length));
  return [...days]
    .filter(([, { length }]) => usual < MANY_RUNS || length >= usual * WHOLE_DAY)
    .map(([day, durations]) => ({ day, level: Math.log(Math.max(1, median(durations))), runs: durations.length }))
    .sort((a, b) => a.day - b.day);
}
