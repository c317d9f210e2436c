import type { Schedule } from '@ops/shared/schedule';
import type { Policy, Trigger, Verdict } from '../../cron-types.js';

/** What a review looks back on. Times are epoch ms. */
export interface ReviewWindow {
  /** Runtimes are followed from here on: a slow change needs longer than the window to be seen. */
  readonly trend_from: number;
  /** Failures, missed slots and silent successes count from here on; a step that is older is no news. */
  readonly from: number;
  readonly to: number;
}

/** A finished run, as far as a review looks at it. */
export interface ReviewedRun {
  /** Epoch ms. */
  readonly started_at: number;
  readonly duration_ms: number;
  readonly verdict: Verdict;
  /** What the verdict rests on. */
  readonly code: string;
  /** Characters; null where the source tells no output. */
  readonly output_length: number | null;
  /** The source's own word for it. */
  readonly word: string | null;
  readonly trigger: Trigger;
  /** Epoch ms; null where it served none. */
  readonly slot: number | null;
}

/** A job with everything that a review looks at. */
export interface JobHistory {
  readonly job_id: string;
  readonly name: string;
  readonly source: string;
  readonly schedule: Schedule;
  readonly policy: Pick<Policy, 'expected_ms' | 'expected_from' | 'kill' | 'class'>;
  /** The source's own limit of a run, ms. */
  readonly timeout_ms: number | null;
  /** Since `trend_from`, oldest first. */
  readonly runs: readonly ReviewedRun[];
  /** Missed slots in the window; `unseen`: it may have run while we were away. */
  readonly missed: readonly { readonly slot: number; readonly unseen: boolean }[];
}

/** Runs that began in the window, `trend_from` and before `from` excluded. */
export function inWindow(runs: readonly ReviewedRun[], { from, to }: ReviewWindow): readonly ReviewedRun[] {
  return runs.filter(({ started_at }) => started_at >= from && started_at < to);
}

/** Whether a run tells how long the job takes: it came to its end, or was ended because it took too long. */
export function tellsRuntime({ verdict, word, trigger }: ReviewedRun): boolean {
  return verdict !== 'failed' && word !== 'skipped' && trigger !== 'manual';
}
