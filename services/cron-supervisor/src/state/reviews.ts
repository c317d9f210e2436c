import type { EventDraft } from '@ops/shared/events';
import { sql } from 'kysely';
import type { Proposal } from '../decide/review/proposal.js';
import { findingKey, type Review } from '../decide/review/review.js';
import { type Database, jsonb } from './tables.js';

/** A review as it is listed. */
export interface ReviewSummary {
  readonly review_id: string;
  readonly from_at: Date;
  readonly to_at: Date;
  readonly made_at: Date;
  readonly jobs: number;
  readonly runs: number;
  readonly findings: number;
  readonly proposals: number;
}

export interface StoredReview {
  readonly review_id: string;
  readonly from_at: Date;
  readonly to_at: Date;
  readonly made_at: Date;
  readonly review: Review;
  /** Markdown */
  readonly report: string;
}

const LATEST = 'latest';

/**
 * Stores a review with its proposals and with what is to be said of it, all or nothing. Proposals of earlier reviews that are still open give
 * way: what they rest on is older. One that was decided this week already stays decided. False where the review is there already: then
 * nothing changes, and nothing is said.
 */
export async function storeReview(
  database: Database,
  review: Review,
  report: string,
  draft: EventDraft,
  now: Date,
): Promise<boolean> {
  return database.transaction().execute(async (transaction) => {
    // One at a time: two reviews at once would leave the proposals of both open.
    await sql`select pg_advisory_xact_lock(hashtext('ops-cron-review'))`.execute(transaction);
    const { review_id, window } = review;
    const added = await transaction
      .insertInto('cron_review')
      .values({
        review_id,
        from_at: new Date(window.from),
        to_at: new Date(window.to),
        made_at: now,
        review: jsonb(review),
        report,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (added.numInsertedOrUpdatedRows !== 1n) return false;
    await transaction
      .updateTable('cron_proposal')
      .set({ state: 'superseded', decided_at: now, decided_by: review_id })
      .where('state', '=', 'open')
      .execute();
    for (const proposal of review.proposals) await offer(transaction, review_id, proposal);
    await transaction
      .insertInto('cron_event')
      .values({ n: sql<string>`default`, draft: jsonb(draft) })
      .execute();
    return true;
  });
}

async function offer(transaction: Database, review_id: string, proposal: Proposal): Promise<void> {
  const { proposal_id, job_id, change } = proposal;
  const offered = { review_id, proposal: jsonb(proposal), state: 'open', decided_at: null, decided_by: null };
  await transaction
    .insertInto('cron_proposal')
    .values({ proposal_id, job_id, kind: change.kind, ...offered })
    .onConflict((conflict) => conflict.column('proposal_id').doUpdateSet(offered).where('cron_proposal.state', '=', 'superseded'))
    .execute();
}

/** Reviews, newest first. */
export async function listReviews(database: Database, most: number): Promise<readonly ReviewSummary[]> {
  const count = (path: string) => sql<number>`jsonb_array_length(review->${sql.lit(path)})`;
  return database
    .selectFrom('cron_review')
    .select(['review_id', 'from_at', 'to_at', 'made_at'])
    .select([count('jobs').as('jobs'), count('findings').as('findings'), count('proposals').as('proposals')])
    .select(sql<number>`(review->>'runs')::int`.as('runs'))
    .orderBy('to_at', 'desc')
    .orderBy('made_at', 'desc')
    .limit(most)
    .execute();
}

/** The review of this id, or the `latest`; undefined where there is none. */
export async function findReview(database: Database, id: string): Promise<StoredReview | undefined> {
  const query = database.selectFrom('cron_review').selectAll();
  const found = await (id === LATEST
    ? query.orderBy('to_at', 'desc').orderBy('made_at', 'desc').limit(1)
    : query.where('review_id', '=', id)
  ).executeTakeFirst();
  return found as StoredReview | undefined;
}

/** What the latest review found, as `findingKey`, with the day on which it was first found. */
export async function knownFindings(database: Database): Promise<ReadonlyMap<string, string>> {
  const latest = await findReview(database, LATEST);
  return new Map((latest?.review.findings ?? []).map((one) => [findingKey(one), String(one.facts.first_found)]));
}
