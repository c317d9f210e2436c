/**
 * What an answer says of the service. `slow`: it answered rightly, but later than `within`. `partial`: it answered, but something
 * that it should have is missing (a cron job is off). Both are degraded, not down.
 */
export type SureOutcome = 'ok' | 'slow' | 'partial' | 'failed';

/**
 * What one probe found. `unsure`: the probe itself was hindered (our event loop was blocked, we could not ask), or the service
 * is just starting, which says nothing about the service.
 */
export interface CheckResult {
  readonly outcome: SureOutcome | 'unsure';
  /** Ms from the question to the answer; null without an answer. */
  readonly responseMs: number | null;
  /** One sentence, without secrets: what was found, or path, value and expectation of what was wrong. */
  readonly detail: string;
  /** Epoch ms of the answer. */
  readonly at: number;
  /** It is not there: its port refuses connections, or its container has ended. One such finding says more than a bad answer. */
  readonly gone?: boolean;
}
