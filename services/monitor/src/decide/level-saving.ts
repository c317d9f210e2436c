import { restoresAlike } from './level-restore.js';
import type { LevelState } from './level-types.js';

/** What was handed over to be saved last, and when (epoch ms); whether a disk or a Redis took it is not known. */
export interface Saved {
  readonly at: number;
  readonly state: LevelState;
}

// Where one did not take it, or has lost it.
const AGAIN_MS = 5000;
const AGAIN_CALM_MS = 60_000;

/**
 * Whether the state is to be saved now: at once where a restart would go on at other levels, and again from time to time; seldom where it
 * has nothing to lose (normal, nothing reported, nothing that is still to be said).
 */
export function mustSave(saved: Saved | null, state: LevelState, isAllSaid: boolean, now: number): boolean {
  if (saved === null || !restoresAlike(saved.state, state)) return true;
  const isCalm = state.level === 'normal' && state.reports.length === 0 && isAllSaid;
  return now - saved.at >= (isCalm ? AGAIN_CALM_MS : AGAIN_MS);
}
