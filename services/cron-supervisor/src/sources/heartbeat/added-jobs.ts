import { type HeartbeatJob, heartbeatJob } from '@ops/shared/config';
import { type Issue, issuesOf } from '@ops/shared/events';
import { forgetJob } from '../../state/forget-job.js';
import type { Database } from '../../state/tables.js';
import { jsonb } from '../../state/tables.js';

/** Heartbeat jobs that were added by a command; what cannot be read any more is an issue. */
export async function addedJobs(database: Database): Promise<{
  readonly jobs: readonly HeartbeatJob[];
  readonly issues: readonly Issue[];
  readonly unread: readonly string[];
}> {
  const rows = await database.selectFrom('cron_added').selectAll().orderBy('id').execute();
  const jobs: HeartbeatJob[] = [];
  const issues: Issue[] = [];
  const unread: string[] = [];
  for (const { id, job } of rows) {
    const parsed = heartbeatJob.safeParse(job);
    if (parsed.success) jobs.push(parsed.data);
    else {
      issues.push(...issuesOf(parsed.error, job, `cron_added.${id}`));
      unread.push(id);
    }
  }
  return { jobs, issues, unread };
}

/** Adds a job as it was written; false where one of its id is there. */
export async function addJob(database: Database, id: string, written: unknown, by: string, at: Date): Promise<boolean> {
  const added = await database
    .insertInto('cron_added')
    .values({ id, job: jsonb(written), by, at })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return added.numInsertedOrUpdatedRows === 1n;
}

/**
 * Takes back a job that was added by a command; false where there is none.
 *
 * @param stays ops.yaml has a job of the same id: what was set for that one stands
 */
export async function removeAdded(database: Database, id: string, stays: boolean, at: Date): Promise<boolean> {
  return database.transaction().execute(async (transaction) => {
    const gone = await transaction.deleteFrom('cron_added').where('id', '=', id).executeTakeFirst();
    if (gone.numDeletedRows !== 1n) return false;
    if (!stays) await forgetJob(transaction, `heartbeat/${id}`, at);
    return true;
  });
}
