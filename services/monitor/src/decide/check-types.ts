import type { ServiceState } from '@ops/shared/events';

/**
 * What one probe found. `slow`: it answered rightly, but later than `within`. `unsure`: the probe itself was hindered (our
 * event loop was blocked, we could not ask), which says nothing about the service.
 */
export interface CheckResult {
  readonly outcome: 'ok' | 'slow' | 'failed' | 'unsure';
  /** Ms from the question to the answer; null without an answer. */
  readonly responseMs: number | null;
  /** One sentence, without secrets: what was found, or path, value and expectation of what was wrong. */
  readonly detail: string;
  /** Epoch ms. */
  readonly at: number;
}

/** What is known of one service. */
export interface CheckState {
  readonly service: string;
  readonly status: ServiceState;
  /** Epoch ms of the last change of status; null before the first answer. */
  readonly since: number | null;
  readonly detail: string;
  readonly responseMs: number | null;
  /** Epoch ms of the last probe; null before the first one. */
  readonly checkedAt: number | null;
  /** The last outcomes, newest last, at most `down_after.of`; `unsure` ones are not kept. */
  readonly recent: readonly ('ok' | 'slow' | 'failed')[];
  /** Good ones in a row. */
  readonly good: number;
  /** Failing, but not often enough yet to be down: whoever depends on it should wait before he is called down himself. */
  readonly suspect: boolean;
}
