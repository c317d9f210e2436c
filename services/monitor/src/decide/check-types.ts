import type { ServiceState } from '@ops/shared/events';
import type { SureOutcome } from '@ops/shared/probes';

/** When a service changes its status. */
export interface CheckPolicy {
  /** Down after `failures` of the last `of` answers; degraded likewise. */
  readonly failures: number;
  readonly of: number;
  /** One that answered and is gone (its port refuses, its container has ended) is down without further failures. */
  readonly atDeath: boolean;
  /** Good answers in a row until a service that was down, or degraded, is up again. */
  readonly upAfter: number;
  /** Ms between two checks. */
  readonly interval: number;
  /** Ms until no answer is a failure. */
  readonly timeout: number;
}

/** What is known of one service. */
export interface CheckState {
  readonly service: string;
  readonly status: ServiceState;
  /** Epoch ms of the last change of status; null before the first answer. */
  readonly since: number | null;
  readonly detail: string;
  readonly responseMs: number | null;
  /** The last response times, ms, newest last. */
  readonly times: readonly number[];
  /** Epoch ms of the last probe; null before the first one. */
  readonly checkedAt: number | null;
  /** Epoch ms of the last probe that was not unsure; null before the first one. */
  readonly answeredAt: number | null;
  /** Epoch ms of the last failure that counted; null without one. */
  readonly failedAt: number | null;
  /** The last outcomes, newest last, at most `down_after.of`; `unsure` ones are not kept. */
  readonly recent: readonly SureOutcome[];
  /** Answers in a row that were not `failed`. */
  readonly good: number;
  /** Answers in a row that were `ok`. */
  readonly fine: number;
  /** Failing, but not often enough yet to be down: whoever depends on it should wait before he is called down himself. */
  readonly suspect: boolean;
  /** How often it fell again soon after it had recovered: each time it must be good for longer. */
  readonly relapses: number;
  /** Epoch ms of the last recovery; null without one, or when the relapse after it has been counted. */
  readonly recoveredAt: number | null;
}
