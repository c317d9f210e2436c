import type { CronPolicy } from '@ops/shared/config';
import { sql } from 'kysely';
import { type Database, jsonb } from './tables.js';

/** What an operator has set for a job by a command, in the form of ops.yaml: it stands over the defaults and what the job was added with, and under what ops.yaml says of it. */
export interface Override {
  readonly job_id: string;
  readonly policy: CronPolicy;
  readonly by: string;
  readonly at: Date;
}

/** Adds to what was set for a job; what is not in the patch stays. */
export async function setOverride(database: Database, { job_id, policy, by, at }: Override): Promise<void> {
  await database
    .insertInto('cron_override')
    .values({ job_id, policy: jsonb(policy), by, at })
    .onConflict((conflict) =>
      conflict.column('job_id').doUpdateSet({ policy: sql`cron_override.policy || excluded.policy`, by, at }),
    )
    .execute();
}

/** All that were set. */
export async function listOverrides(database: Database): Promise<readonly Override[]> {
  return (await database.selectFrom('cron_override').selectAll().orderBy('job_id').execute()) as readonly Override[];
}
