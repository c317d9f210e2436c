import type { EventDraft, OpsEvent } from '@ops/shared/events';
import type { RetryRound } from './retry-round.js';

/** What the guard held back goes on as soon as it may. */
export async function onLevelChanged(
  retries: RetryRound,
  event: OpsEvent<'guard.level-changed'>,
): Promise<readonly EventDraft[]> {
  const { level } = event.data;
  if (level !== 'emergency') await retries.released(level);
  return [];
}
