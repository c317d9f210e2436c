import { showNul } from '@ops/shared/events';
import type { Schedule } from '@ops/shared/schedule';
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Policy, RunReport } from '../cron-types.js';

export interface JobRow {
  job_id: string;
  source: string;
  external_id: string;
  name: string;
  purpose: string;
  agent: string | null;
  enabled: boolean;
  schedule: Schedule;
  policy: Policy;
  timeout_ms: string | null;
  problem: string | null;
  registered_at: Date;
  removed_at: Date | null;
  /** Every slot up to it has been judged. */
  judged_until: Date;
  next_slot: Date | null;
  due_at: Date | null;
  /** Metrics of the alerts that stand about it. */
  raised: readonly string[];
}

/** How a run was ended, as it is known so far. */
export interface KillRecord {
  readonly asked_at: string;
  readonly gentle: string;
  readonly hard: string | null;
  readonly outcome: 'ended' | 'already-ended' | 'not-possible' | 'survived' | null;
}

export interface RunRow {
  run_id: string;
  job_id: string;
  started_at: Date;
  slot: Date | null;
  trigger: string;
  ref: string | null;
  ended_at: Date | null;
  report: RunReport | null;
  verdict: string | null;
  code: string | null;
  reason: string | null;
  output: string | null;
  limit_at: Date | null;
  overran_at: Date | null;
  kill: KillRecord | null;
  retry_of: string | null;
}

export interface RetryRow {
  run_id: string;
  job_id: string;
  failed_at: Date;
  due_at: Date;
  /** waiting → asked → started; or given-up, superseded, refused. */
  state: string;
  reason: string;
  asked_at: Date | null;
  ref: string | null;
  retry_run_id: string | null;
  ended_at: Date | null;
}

export type Tables = {
  cron_job: JobRow;
  cron_run: RunRow;
  cron_missed: { job_id: string; slot: Date; deadline: Date; judged_at: Date; reason: string; unseen: boolean };
  cron_retry: RetryRow;
  cron_event: { n: string; draft: unknown };
  cron_review: { review_id: string; from_at: Date; to_at: Date; made_at: Date; review: unknown; report: string };
  cron_proposal: {
    proposal_id: string;
    review_id: string;
    job_id: string;
    kind: string;
    proposal: unknown;
    state: string;
    decided_at: Date | null;
    decided_by: string | null;
  };
  cron_override: { job_id: string; policy: unknown; by: string; at: Date };
  cron_added: { id: string; job: unknown; by: string; at: Date };
  cron_presence: { one: boolean; seen_at: Date; away_from: Date | null; back_at: Date };
};

export type Database = Kysely<Tables>;

/** A value for a jsonb column. */
export function jsonb<T>(value: T): RawBuilder<T> {
  return sql<T>`${showNul(JSON.stringify(value))}::jsonb`;
}
