import type { EventData } from '@ops/shared/events';
import type { Schedule } from '@ops/shared/schedule';

/** What an operator applies with one command: the value itself, beside its words. */
export type ProposedChange =
  | { readonly kind: 'expected'; readonly expected_ms: number }
  | { readonly kind: 'timeout'; readonly timeout_ms: number }
  | { readonly kind: 'schedule'; readonly schedule: Schedule };

type Published = EventData<'cron.review-published'>['proposals'][number];

/** A proposal before it has an id. */
export interface Draft extends Omit<Published, 'proposal_id' | 'kind'> {
  readonly job_name: string;
  readonly change: ProposedChange;
}

export interface Proposal extends Draft {
  readonly proposal_id: string;
}
