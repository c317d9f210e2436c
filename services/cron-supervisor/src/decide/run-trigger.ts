import type { Run, WaitingRetry } from './intake-types.js';

/** What answers us comes after our question, as two clocks see it, ms. */
export const EARLY_MS = 1500;

/** Whether a run is the one that a retry has asked for. */
export function answers(
  { state, asked_at, ref, retry_run_id }: WaitingRetry,
  startedAt: number,
  startedRef: string | null,
): boolean {
  if (state !== 'asked' || asked_at === null || retry_run_id !== null) return false;
  return (ref === null || startedRef === null || ref === startedRef) && startedAt >= asked_at - EARLY_MS;
}

/** A gateway names only those runs that somebody starts by hand; heartbeats name what they like. */
export function isByHand(ref: string | null): boolean {
  return ref?.startsWith('manual:') === true;
}

/** What has started a run, now that its name is known: a gateway may tell that when the run is known already. */
export function triggerOf({ trigger }: Run, ref: string | null): Run['trigger'] {
  return trigger === 'unscheduled' && isByHand(ref) ? 'manual' : trigger;
}
