import { createHash } from 'node:crypto';
import type { OpsConfig } from '@ops/shared/config';
import type { EventDraft } from '@ops/shared/events';
import type { Clock, Logger } from '@ops/shared/runtime';
import type { ReviewWindow } from '../decide/review/history.js';
import { publishedReview } from '../decide/review/published-review.js';
import { reviewReport } from '../decide/review/report.js';
import { composeReview, type JobReview, reviewJob } from '../decide/review/review.js';
import { type BusyJob, busiest } from '../decide/review/served-runs.js';
import { historyOf, reviewedJobs } from '../state/histories.js';
import { dismissedChanges } from '../state/proposals.js';
import { knownFindings, storeReview } from '../state/reviews.js';
import type { Database } from '../state/tables.js';

/** What a review works with. */
export interface Reviewer {
  readonly database: Database;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  readonly log: Pick<Logger, 'info' | 'error'>;
  /** Whether the source of a job lets its schedule and its limit be changed. */
  canChange(job_id: string): boolean;
  readonly config: { readonly cron: Pick<OpsConfig['cron'], 'overrun' | 'review' | 'history'> };
}

/** Runtimes are followed over twelve weeks: a job that needs 5 % more each week is not slower within four. */
const TREND_MS = 84 * 86_400_000;
/** One run each six minutes for twelve weeks. */
const MOST_RUNS = 20_000;
/** Whose runs are held at once, before those that are hardly ever busy are let go. */
const MOST_BUSY = 500;
const DISMISSED_FOR_MS = 90 * 86_400_000;
const MINUTE_MS = 60_000;

/** The window of a review that ends at a time (epoch ms), at the full minute before it. */
export function reviewWindow({ review, history }: Reviewer['config']['cron'], at: number): ReviewWindow {
  const to = Math.floor(at / MINUTE_MS) * MINUTE_MS;
  const from = to - review.window;
  return { trend_from: Math.min(from, to - Math.min(TREND_MS, history)), from, to };
}

/**
 * Reviews all jobs, and stores findings, proposals and the report, with the event that tells of it. The same window again changes nothing and
 * says nothing. Jobs are read one after the other: what is kept of one is what was found of it.
 *
 * @returns the id of the review, and whether it is new
 */
export async function makeReview(
  self: Reviewer,
  window: ReviewWindow,
): Promise<{ readonly review_id: string; readonly made: boolean }> {
  const { database, clock, log, config } = self;
  const { factor, at_least } = config.cron.overrun;
  const jobs: JobReview[] = [];
  let busy: BusyJob[] = [];
  for (const job of await reviewedJobs(database)) {
    const looked = reviewJob(await historyOf(database, job, window, MOST_RUNS), window, { factor, at_least_ms: at_least });
    jobs.push(looked.review);
    busy.push(looked.busy);
    if (busy.length > MOST_BUSY) busy = [...busiest(busy)];
  }
  const dismissed = await dismissedChanges(database, new Date(clock.now() - DISMISSED_FOR_MS));
  const known = await knownFindings(database);
  const review = composeReview(jobs, busy, window, { known, digest, dismissed, canChange: (job_id) => self.canChange(job_id) });
  const report = reviewReport(review);
  const { review_id } = review;
  const draft: EventDraft = {
    type: 'cron.review-published',
    subject: 'cron',
    at: clock.now(),
    purpose: review_id,
    data: publishedReview(review, report),
  };
  const made = await storeReview(database, review, report, draft, new Date(clock.now()));
  const { runs, findings, proposals } = review;
  log.info(
    { review_id, made, jobs: jobs.length, runs, findings: findings.length, proposals: proposals.length },
    'scheduled jobs were reviewed',
  );
  return { review_id, made };
}

const DIGITS = 8;

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGITS);
}
