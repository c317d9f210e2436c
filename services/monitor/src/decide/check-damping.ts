import type { CheckPolicy, CheckState } from './check-types.js';

const RELAPSE_FACTOR = 4;
const MOST_ANSWERS = 30;
const MOST_MS = 300_000;
const CALM_MS = 600_000;
const CALM_ANSWERS = 20;

/**
 * How many good answers in a row end a bad status: `upAfter`, and four times as many for each recovery that did not last, up
 * to 30 answers or five minutes. A service that flaps is one outage, not twenty.
 */
export function neededToRecover(relapses: number, { upAfter, interval }: CheckPolicy): number {
  const most = Math.max(upAfter, Math.min(MOST_ANSWERS, Math.ceil(MOST_MS / interval)));
  return Math.min(most, upAfter * RELAPSE_FACTOR ** relapses);
}

/** The relapses of a state whose status becomes worse at `now`: one more within ten minutes (20 answers) of a recovery, none after that. */
export function relapsesAfterFall({ relapses, recoveredAt }: CheckState, { interval }: CheckPolicy, now: number): number {
  if (recoveredAt === null) return relapses;
  return now - recoveredAt < Math.max(CALM_MS, CALM_ANSWERS * interval) ? relapses + 1 : 0;
}
