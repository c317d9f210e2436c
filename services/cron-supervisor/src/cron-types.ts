import type { OutputRule } from '@ops/shared/config';
import type { Schedule } from '@ops/shared/schedule';

/** How the runs of a job are judged. */
export interface Policy {
  /** ms; null while nobody has said and too few runs are known. */
  readonly expected_ms: number | null;
  readonly expected_from: 'given' | 'learned' | 'default';
  /** How late a run may begin before its slot is missed, ms. */
  readonly grace_ms: number;
  readonly retry: boolean;
  readonly kill: boolean;
  readonly output: OutputRule;
  readonly class: 'revenue' | 'non-revenue';
}

/** A job as it is registered: what its source says, and how it is judged. */
export interface Job {
  /** `<source>/<id>` */
  readonly job_id: string;
  readonly source: string;
  /** What its source calls it. */
  readonly external_id: string;
  readonly name: string;
  readonly purpose: string;
  readonly agent: string | null;
  readonly enabled: boolean;
  readonly schedule: Schedule;
  readonly policy: Policy;
  /** The source's own limit of a run, ms. */
  readonly timeout_ms: number | null;
  /** What is wrong with it: it is shown, and not judged. */
  readonly problem: string | null;
}

/** A finished run as its source tells it; nothing is judged yet. Times are epoch ms. */
export interface RunReport {
  /** What the source calls the job. */
  readonly job: string;
  /** With the job, the identity of the run, in every version of every source. */
  readonly started_at: number;
  readonly ended_at: number;
  /** The source's own word. */
  readonly word: 'ok' | 'error' | 'skipped';
  /** Whether all of it was done, delivery included; null where the source does not say. */
  readonly completion: 'succeeded' | 'failed' | 'unknown' | null;
  readonly output: string | null;
  readonly error: string | null;
  /** The source's class of the error: `auth`, `timeout`, `server_error`... */
  readonly error_kind: string | null;
  readonly delivery: 'delivered' | 'not-delivered' | 'unknown' | 'not-requested' | null;
  readonly exit_code: number | null;
  /** The source's own limit for this run, ms; null without one. */
  readonly timeout_ms: number | null;
  /** What the source calls the run, where it has a name for it. */
  readonly ref: string | null;
}

export type Verdict = 'succeeded' | 'failed' | 'killed';

/** What a run came to, and why. */
export interface Judgement {
  readonly verdict: Verdict;
  /** For machines: `ok`, `gateway-error`, `http-error-page`, `empty-output`... */
  readonly code: string;
  readonly reason: string;
}

export type Trigger = 'schedule' | 'retry' | 'source-retry' | 'manual' | 'unscheduled';
