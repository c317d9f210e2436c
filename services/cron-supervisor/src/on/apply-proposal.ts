import { type Clock, HttpError } from '@ops/shared/runtime';
import { type Schedule, scheduleText } from '@ops/shared/schedule';
import { inWords } from '../decide/review/in-words.js';
import { setOverride } from '../state/overrides.js';
import { decideProposal, type StoredProposal } from '../state/proposals.js';
import type { Database } from '../state/tables.js';

/** What applying a proposal works with. */
export interface Applier {
  readonly database: Database;
  readonly clock: Pick<Clock, 'now'>;
  /** Changes a job at its source; rejects where the source cannot, will not, or is away. */
  change(job_id: string, change: { readonly schedule?: Schedule; readonly timeout_ms?: number }): Promise<void>;
  /** What is set for a job has changed: it is to be read again. */
  applied(job_id: string): void;
  /** Where ops.yaml says what is expected of the job: what a command sets stands under that, and would do nothing. Undefined where it does not. */
  expectedGivenAt(job_id: string): string | undefined;
}

/**
 * Applies an open proposal. What is expected is ours to set; schedule and timeout are changed at the source first, so that a proposal that is
 * applied has been. Whatever goes wrong leaves it open.
 *
 * Throws an HttpError: 409 where it is not open, or rests on what is no longer so; 502 with the reason where the source did not take it.
 */
export async function applyProposal(self: Applier, stored: StoredProposal, by: string): Promise<void> {
  const { database, clock } = self;
  const { proposal_id, job_id, proposal } = stored;
  mustBeOpen(stored);
  await mustStillHold(database, stored);
  const { change } = proposal;
  const decision = { state: 'applied' as const, by, reason: '', at: new Date(clock.now()) };
  if (change.kind === 'expected') {
    const given = self.expectedGivenAt(job_id);
    if (given !== undefined)
      throw new HttpError(409, 'GIVEN_IN_FILE', `${given} says what is expected of ${job_id}: write ${proposal.proposed} there`);
    await database.transaction().execute(async (transaction) => {
      if (!(await decideProposal(transaction, proposal_id, decision))) throw decidedMeanwhile(proposal_id);
      await setOverride(transaction, { job_id, policy: { expected: change.expected_ms }, by, at: decision.at });
    });
    self.applied(job_id);
    return;
  }
  try {
    await self.change(job_id, change.kind === 'schedule' ? { schedule: change.schedule } : { timeout_ms: change.timeout_ms });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HttpError(502, 'NOT_CHANGED', `the source of ${job_id} did not take it, and ${proposal_id} stays open: ${why}`);
  }
  if (!(await decideProposal(database, proposal_id, decision))) throw decidedMeanwhile(proposal_id);
}

/** An operator's no: the same change is not proposed again for 90 days. Throws an HttpError 409 where it is not open. */
export async function dismissProposal(
  { database, clock }: Pick<Applier, 'database' | 'clock'>,
  stored: StoredProposal,
  { by, reason }: { readonly by: string; readonly reason: string },
): Promise<void> {
  mustBeOpen(stored);
  const decision = { state: 'dismissed' as const, by, reason, at: new Date(clock.now()) };
  if (!(await decideProposal(database, stored.proposal_id, decision))) throw decidedMeanwhile(stored.proposal_id);
}

function mustBeOpen({ proposal_id, state, decided_by }: StoredProposal): void {
  if (state === 'open') return;
  const gone = decided_by === null ? 'its job was removed' : `a newer review (${decided_by}) has taken its place`;
  const how = state === 'superseded' ? gone : `${decided_by} has ${state} it`;
  throw new HttpError(409, 'NOT_OPEN', `${proposal_id} is not open: ${how}`);
}

// Somebody may have changed the job since: his change must not be undone by an older thought.
async function mustStillHold(database: Database, { proposal_id, job_id, proposal }: StoredProposal): Promise<void> {
  const job = await database
    .selectFrom('cron_job')
    .select(['schedule', 'timeout_ms'])
    .where('job_id', '=', job_id)
    .where('removed_at', 'is', null)
    .executeTakeFirst();
  if (job === undefined) throw new HttpError(409, 'OUT_OF_DATE', `${job_id} is gone: ${proposal_id} has nothing to change`);
  const now = {
    // What is learned moves by itself, and takes nothing away from what is proposed.
    expected: proposal.current,
    schedule: scheduleText(job.schedule),
    timeout: job.timeout_ms === null ? 'none' : inWords(Number(job.timeout_ms)),
  }[proposal.change.kind];
  if (now !== proposal.current)
    throw new HttpError(
      409,
      'OUT_OF_DATE',
      `the ${proposal.change.kind} of ${job_id} is ${now} by now, and was ${proposal.current}: wait for the next review, or make one`,
    );
}

function decidedMeanwhile(id: string): HttpError {
  return new HttpError(409, 'NOT_OPEN', `${id} was decided meanwhile`);
}
