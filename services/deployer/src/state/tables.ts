import { showNul } from '@ops/shared/events';
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Deployment } from '../deployment-types.js';

export interface StepTable {
  deployment_id: string;
  n: number;
  step: string;
  fence: string;
  began_at: Date;
  ended_at: Date | null;
  outcome: string | null;
  detail: string | null;
}

export interface EventTable {
  n: string;
  deployment_id: string;
  at: Date;
  draft: unknown;
  published_at: Date | null;
}

export interface ReleaseTable {
  release_id: string;
  seq: string;
  folder: string;
  at: Date;
  current: boolean;
  snapshot: string;
  facts: unknown;
}

export type Tables = {
  deployment: { -readonly [K in keyof Deployment]: Deployment[K] };
  deployment_step: StepTable;
  deployment_event: EventTable;
  deployment_record: { deployment_id: string; written_at: Date; record: unknown };
  project_lease: { lane: string; holder: string; fence: string; until: Date };
  request_nonce: { nonce: string; deployment_id: string; at: Date };
  release: ReleaseTable;
  deployment_freeze: { id: number; by: string; reason: string; at: Date; until: Date | null };
};

export type Database = Kysely<Tables>;

/** A value for a jsonb column. */
export function jsonb<T>(value: T): RawBuilder<T> {
  return sql<T>`${showNul(JSON.stringify(value))}::jsonb`;
}
