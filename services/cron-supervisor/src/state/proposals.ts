import { sql } from 'kysely';
import type { Proposal } from '../decide/review/proposal.js';
import { changeKey } from '../decide/review/review.js';
import { type Database, jsonb } from './tables.js';

export const PROPOSAL_STATES = ['open', 'applied', 'dismissed', 'superseded'] as const;
export type ProposalState = (typeof PROPOSAL_STATES)[number];

export interface StoredProposal {
  readonly proposal_id: string;
  readonly review_id: string;
  readonly job_id: string;
  readonly proposal: Proposal;
  readonly state: ProposalState;
  readonly decided_at: Date | null;
  readonly decided_by: string | null;
}

const COLUMNS = ['proposal_id', 'review_id', 'job_id', 'proposal', 'state', 'decided_at', 'decided_by'] as const;

/** Proposals in this state, those of the newest review first. */
export async function listProposals(database: Database, state: ProposalState, most: number): Promise<readonly StoredProposal[]> {
  const found = await database
    .selectFrom('cron_proposal')
    .select(COLUMNS)
    .where('state', '=', state)
    .orderBy('review_id', 'desc')
    .orderBy('job_id')
    .orderBy('kind')
    .limit(most)
    .execute();
  return found as readonly StoredProposal[];
}

/** The proposals whose ids begin so, two at most. */
export async function findProposals(database: Database, prefix: string): Promise<readonly StoredProposal[]> {
  const found = await database
    .selectFrom('cron_proposal')
    .select(COLUMNS)
    .where(sql`left(proposal_id, ${prefix.length})`, '=', prefix)
    .limit(2)
    .execute();
  return found as readonly StoredProposal[];
}

/** Decides an open proposal, by compare-and-set. False where somebody else has decided it, or a newer review has taken its place. */
export async function decideProposal(
  database: Database,
  id: string,
  { state, by, reason, at }: { state: 'applied' | 'dismissed'; by: string; reason: string; at: Date },
): Promise<boolean> {
  const changed = await database
    .updateTable('cron_proposal')
    .set({
      state,
      decided_at: at,
      decided_by: by,
      // The table has no column for it, and it belongs to the record.
      ...(reason === '' ? {} : { proposal: sql`proposal || ${jsonb({ decision: reason })}` }),
    })
    .where('proposal_id', '=', id)
    .where('state', '=', 'open')
    .executeTakeFirst();
  return changed.numUpdatedRows === 1n;
}

/** The changes (as `changeKey`) that were dismissed since then. */
export async function dismissedChanges(database: Database, since: Date): Promise<ReadonlySet<string>> {
  const found = await database
    .selectFrom('cron_proposal')
    .select('proposal')
    .where('state', '=', 'dismissed')
    .where('decided_at', '>=', since)
    .execute();
  return new Set(found.map(({ proposal }) => changeKey(proposal as Proposal)));
}
