import { sql, type Transaction } from 'kysely';
import { holdRuns } from './runs.js';
import type { Tables } from './tables.js';

const WHY = 'the job was removed';

/**
 * Forgets what was set for a job that is removed, what was proposed for it, and what it had under way: another one of the same id begins
 * with nothing of it but its history. Nothing is said of that: nobody can know how its runs end, and nobody waits for it.
 */
export async function forgetJob(transaction: Transaction<Tables>, jobId: string, now: Date): Promise<void> {
  await holdRuns(transaction);
  await transaction.deleteFrom('cron_override').where('job_id', '=', jobId).execute();
  await transaction
    .updateTable('cron_proposal')
    .set({ state: 'superseded', decided_at: now, decided_by: null })
    .where('job_id', '=', jobId)
    .where('state', '=', 'open')
    .execute();
  await sql`
    update cron_run set
      ended_at = greatest(started_at, ${now}), verdict = 'failed', code = 'interrupted',
      reason = ${`${WHY} while it ran: nobody knows its end`},
      kill = case when kill->>'outcome' is null then kill || '{"outcome": "already-ended"}'::jsonb else kill end
    where job_id = ${jobId} and ended_at is null`.execute(transaction);
  await transaction
    .updateTable('cron_retry')
    .set({ state: 'superseded', reason: WHY, ended_at: now })
    .where('job_id', '=', jobId)
    .where('ended_at', 'is', null)
    .execute();
}
