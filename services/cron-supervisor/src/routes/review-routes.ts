import { askedBy, HttpError, parseBody } from '@ops/shared/runtime';
import type { Router } from 'express';
import { z } from 'zod';
import { type Applier, applyProposal, dismissProposal } from '../on/apply-proposal.js';
import { makeReview, type Reviewer, reviewWindow } from '../on/weekly-review.js';
import { findProposals, listProposals, PROPOSAL_STATES, type StoredProposal } from '../state/proposals.js';
import { findReview, listReviews } from '../state/reviews.js';
import type { Database } from '../state/tables.js';

const by = z.string().min(1).max(100).optional();
const applyBody = z.strictObject({ by });
const dismissBody = z.strictObject({ by, reason: z.string().min(1).max(1000) });
const MOST = 500;
/** Thousands of jobs take longer than somebody waits; the review goes on. */
const PATIENCE_MS = 10_000;

/** GET and POST /cron/reviews; GET /cron/reviews/:id (`latest`); GET /cron/proposals; POST /cron/proposals/:id/apply and /dismiss. */
export function reviewRoutes(router: Router, self: Reviewer & Applier): void {
  const { database, clock, config } = self;

  router.get('/cron/reviews', async (request, response) => {
    const most = Math.min(Math.max(Number(request.query.limit) || 20, 1), MOST);
    response.json({ reviews: await listReviews(database, most) });
  });

  // Whoever asks while one is made gets that one: two at once would read everything twice.
  let underWay: ReturnType<typeof makeReview> | undefined;
  router.post('/cron/reviews', async (_request, response) => {
    underWay ??= makeReview(self, reviewWindow(config.cron, clock.now())).finally(() => {
      underWay = undefined;
    });
    const answered = new AbortController();
    const made = await Promise.race([underWay, clock.sleep(PATIENCE_MS, answered.signal)]).finally(() => answered.abort());
    if (made !== undefined) return void response.status(made.made ? 201 : 200).json(made);
    underWay?.catch((error: unknown) => self.log.error({ error }, 'the review of scheduled jobs that was asked for has failed'));
    response.status(202).json({ review_id: null, made: false });
  });

  router.get('/cron/reviews/:id', async (request, response) => {
    const { id } = request.params;
    const found = await findReview(database, id);
    if (found === undefined)
      throw new HttpError(404, 'NOT_FOUND', id === 'latest' ? 'no review was made yet' : `no review ${id}`);
    const { review_id, from_at, to_at, made_at, report, review } = found;
    const { runs, jobs, findings, proposals } = review;
    response.json({ review_id, from: from_at, to: to_at, made_at, jobs: jobs.length, runs, findings, proposals, report });
  });

  router.get('/cron/proposals', async (request, response) => {
    const asked = request.query.state ?? 'open';
    const state = PROPOSAL_STATES.find((one) => one === asked);
    if (state === undefined)
      throw new HttpError(400, 'BAD_REQUEST', `state ${String(asked)}: expected one of ${PROPOSAL_STATES.join(', ')}`);
    response.json({ proposals: (await listProposals(database, state, MOST)).map(shown) });
  });

  router.post('/cron/proposals/:id/apply', async (request, response) => {
    const stored = await theProposal(database, request.params.id);
    const body = parseBody(applyBody, request.body ?? {});
    await applyProposal(self, stored, askedBy(response, body.by));
    response.json({ proposal: shown(await theProposal(database, stored.proposal_id)) });
  });

  router.post('/cron/proposals/:id/dismiss', async (request, response) => {
    const stored = await theProposal(database, request.params.id);
    const { reason, ...body } = parseBody(dismissBody, request.body ?? {});
    await dismissProposal(self, stored, { by: askedBy(response, body.by), reason });
    response.json({ proposal: shown(await theProposal(database, stored.proposal_id)) });
  });
}

async function theProposal(database: Database, id: string): Promise<StoredProposal> {
  const found = await findProposals(database, id);
  const [stored] = found;
  if (stored === undefined) throw new HttpError(404, 'NOT_FOUND', `no proposal ${id}`);
  if (found.length > 1) throw new HttpError(409, 'AMBIGUOUS', `${id} begins the ids of several proposals: give more of it`);
  return stored;
}

function shown({ proposal_id, review_id, state, decided_at, decided_by, proposal }: StoredProposal) {
  const { job_id, job_name, change, current, proposed, reason } = proposal;
  return {
    proposal_id,
    review_id,
    job_id,
    job_name,
    kind: change.kind,
    current,
    proposed,
    reason,
    state,
    decided_at,
    decided_by,
  };
}
