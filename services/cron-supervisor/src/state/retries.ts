import { type EventDraft, showNulInText } from '@ops/shared/events';
import { sql } from 'kysely';
import type { AlertMetric } from '../decide/drafts.js';
import { say } from './outbox.js';
import { holdRuns } from './runs.js';
import { raise } from './slots.js';
import type { Database, RetryRow } from './tables.js';

/** Retries whose time has come. */
export async function dueRetries(database: Database, now: number): Promise<RetryRow[]> {
  return database
    .selectFrom('cron_retry')
    .selectAll()
    .where('ended_at', 'is', null)
    .where('state', '=', 'waiting')
    .where('due_at', '<=', new Date(now))
    .orderBy('due_at')
    .limit(200)
    .execute();
}

/** A waiting retry of a run; undefined where there is none (any more). */
export async function waitingRetry(database: Database, runId: string): Promise<RetryRow | undefined> {
  return database
    .selectFrom('cron_retry')
    .selectAll()
    .where('run_id', '=', runId)
    .where('state', '=', 'waiting')
    .executeTakeFirst();
}

/** Retries that were asked for, and of which no run is known. */
export async function askedRetries(database: Database): Promise<RetryRow[]> {
  return database
    .selectFrom('cron_retry')
    .selectAll()
    .where('ended_at', 'is', null)
    .where('state', '=', 'asked')
    .where('retry_run_id', 'is', null)
    .execute();
}

/** Takes a retry for oneself, before its run is asked for; false where another one has taken it. */
export async function claimRetry(database: Database, runId: string, now: number): Promise<boolean> {
  const changed = await database
    .updateTable('cron_retry')
    .set({ state: 'asked', asked_at: new Date(now) })
    .where('run_id', '=', runId)
    .where('state', '=', 'waiting')
    .where('due_at', '<=', new Date(now))
    .executeTakeFirst();
  return changed.numUpdatedRows === 1n;
}

/** Takes over a retry that was asked for long ago; false where another one has. */
export async function takeOver(database: Database, retry: RetryRow, now: number): Promise<boolean> {
  const changed = await database
    .updateTable('cron_retry')
    .set({ asked_at: new Date(now) })
    .where('run_id', '=', retry.run_id)
    .where('state', '=', 'asked')
    .where('retry_run_id', 'is', null)
    .where('asked_at', '=', retry.asked_at)
    .executeTakeFirst();
  return changed.numUpdatedRows === 1n;
}

/** What its source calls the run that was asked for. */
export async function nameRetry(database: Database, runId: string, ref: string): Promise<void> {
  await database.updateTable('cron_retry').set({ ref }).where('run_id', '=', runId).where('retry_run_id', 'is', null).execute();
}

/** The retry waits (again), until `due_at`; and what is to be said of it. Only from a state that it is in. */
export async function putOff(
  database: Database,
  retry: Pick<RetryRow, 'run_id' | 'state'>,
  due_at: number,
  reason: string,
  drafts: readonly EventDraft[],
): Promise<boolean> {
  return database.transaction().execute(async (transaction) => {
    const changed = await transaction
      .updateTable('cron_retry')
      .set({ state: 'waiting', due_at: new Date(due_at), reason, asked_at: null, ref: null })
      .where('run_id', '=', retry.run_id)
      .where('state', '=', retry.state)
      .where('retry_run_id', 'is', null)
      .executeTakeFirst();
    if (changed.numUpdatedRows !== 1n) return false;
    await say(transaction, drafts);
    return true;
  });
}

/** The retry is not made: why, and the alert that it raises. Only from a state that it is in. */
export async function endRetry(
  database: Database,
  retry: Pick<RetryRow, 'run_id' | 'state' | 'job_id'>,
  state: 'superseded' | 'refused',
  reason: string,
  now: number,
  alert?: { readonly metric: AlertMetric; readonly draft: EventDraft },
): Promise<boolean> {
  return database.transaction().execute(async (transaction) => {
    if (alert !== undefined) await holdRuns(transaction);
    const changed = await transaction
      .updateTable('cron_retry')
      .set({ state, reason: showNulInText(reason), ended_at: new Date(now) })
      .where('run_id', '=', retry.run_id)
      .where('state', '=', retry.state)
      .where('ended_at', 'is', null)
      .executeTakeFirst();
    if (changed.numUpdatedRows !== 1n) return false;
    if (alert !== undefined && (await raise(transaction, [retry.job_id], alert.metric)).size > 0)
      await say(transaction, [alert.draft]);
    return true;
  });
}

/** Retries that the guard holds back: they are looked at at once. Returns how many. */
export async function hastenDeferred(database: Database, now: number): Promise<number> {
  const changed = await sql`
    update cron_retry set due_at = ${new Date(now)}
    where state = 'waiting' and reason like 'the guard %' and due_at > ${new Date(now)}`.execute(database);
  return Number(changed.numAffectedRows ?? 0n);
}

/** The newest run of a job that began after another one did: its verdict is null while it runs. */
export async function newerRun(
  database: Database,
  jobId: string,
  runId: string,
): Promise<{ readonly verdict: string | null; readonly trigger: string } | undefined> {
  return database
    .selectFrom('cron_run')
    .select(['verdict', 'trigger'])
    .where('job_id', '=', jobId)
    .where('run_id', '!=', runId)
    .where('started_at', '>', ({ selectFrom }) =>
      selectFrom('cron_run as failed').select('failed.started_at').where('failed.run_id', '=', runId),
    )
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}
