import type { CheckResult } from './check-result.js';

/** How the probe itself fared. */
export interface ProbeConditions {
  /** Ms for which our own event loop was late while the probe ran. */
  readonly lateMs: number;
  /** The probe was cut off at its timeout. */
  readonly timedOut: boolean;
  readonly withinMs: number;
  readonly timeoutMs: number;
}

/**
 * The result, or `unsure` where our own lateness explains it: an answer that would have been in time without it, or a timeout
 * of which we slept through half. A refusal or a wrong answer stays one, however late we were.
 */
export function discountHindrance(result: CheckResult, { lateMs, timedOut, withinMs, timeoutMs }: ProbeConditions): CheckResult {
  const hindered =
    (result.outcome === 'slow' && result.responseMs !== null && result.responseMs - lateMs <= withinMs) ||
    (result.outcome === 'failed' && timedOut && lateMs > timeoutMs / 2);
  if (!hindered) return result;
  const detail = `our own event loop was late by ${Math.round(lateMs)} ms during the check: ${result.detail}`;
  return { ...result, outcome: 'unsure', detail };
}
