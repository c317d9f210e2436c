import type { EventDraft } from '@ops/shared/events';
import { sql } from 'kysely';
import type { Job } from '../cron-types.js';
import { ALERTS, alertDraft } from '../decide/drafts.js';
import type { Run } from '../decide/intake-types.js';
import { say } from './outbox.js';
import { fromRow, holdRuns } from './runs.js';
import { raise } from './slots.js';
import { type Database, jsonb, type KillRecord, type RunRow } from './tables.js';

/** Runs past their limit that nobody has seen to. */
export async function overdueRuns(database: Database, now: number): Promise<Run[]> {
  const { rows } = await sql<RunRow>`
    select r.* from cron_run r join cron_job j on j.job_id = r.job_id and j.removed_at is null
    where r.ended_at is null and r.overran_at is null and r.limit_at <= ${new Date(now)} order by r.limit_at limit 200`.execute(
    database,
  );
  return rows.map(fromRow);
}

/** Runs whose end was asked for, and of which nobody has said what came of it: somebody was at it, and may have died. */
export async function unfinishedKills(database: Database): Promise<readonly { readonly run: Run; readonly kill: KillRecord }[]> {
  const { rows } = await sql<RunRow>`
    select r.* from cron_run r join cron_job j on j.job_id = r.job_id and j.removed_at is null
    where r.kill is not null and r.kill->>'outcome' is null limit 100`.execute(database);
  return rows.flatMap((row) => (row.kill === null ? [] : [{ run: fromRow(row), kill: row.kill }]));
}

/** Notes that a run overruns, and that its end is asked for, before it is; false where it has ended, or another one has noted it. */
export async function markOverrun(
  database: Database,
  job: Job,
  run: Run,
  facts: { readonly now: number; readonly kill: boolean; readonly found: string; readonly draft: EventDraft },
): Promise<boolean> {
  const { now, kill, found, draft } = facts;
  const record: KillRecord | null = kill
    ? { asked_at: new Date(now).toISOString(), gentle: 'asked', hard: null, outcome: null }
    : null;
  return database.transaction().execute(async (transaction) => {
    await holdRuns(transaction);
    const changed = await transaction
      .updateTable('cron_run')
      // An end that somebody has asked for by hand stands.
      .set({ overran_at: new Date(now), ...(record === null ? {} : { kill: jsonb(record) }) })
      .where('run_id', '=', run.run_id)
      .where('ended_at', 'is', null)
      .where('overran_at', 'is', null)
      .executeTakeFirst();
    if (changed.numUpdatedRows !== 1n) return false;
    await raise(transaction, [job.job_id], ALERTS.runtime);
    const alert = { status: 'overran', expected: 'an end within its limit', found, at: now };
    await say(transaction, [draft, alertDraft(job, ALERTS.runtime, alert, run.run_id)]);
    return true;
  });
}

/** Asks for the end of a run that is not overdue, by hand; false where it has ended, or its end is asked for already. */
export async function markKill(database: Database, run: Run, now: number): Promise<boolean> {
  const record: KillRecord = { asked_at: new Date(now).toISOString(), gentle: 'asked', hard: null, outcome: null };
  const changed = await database
    .updateTable('cron_run')
    .set({ kill: jsonb(record) })
    .where('run_id', '=', run.run_id)
    .where('ended_at', 'is', null)
    // One that came to nothing may be asked for again.
    .where(sql<boolean>`(kill is null or kill->>'outcome' is not null)`)
    .executeTakeFirst();
  return changed.numUpdatedRows === 1n;
}

/** Notes that the hard way is about to be taken: whoever comes after us must know that it may have been. */
export async function noteHard(database: Database, runId: string): Promise<void> {
  await sql`update cron_run set kill = kill || '{"hard": "asked"}'::jsonb where run_id = ${runId} and kill->>'outcome' is null`.execute(
    database,
  );
}

/** Notes what came of it, and says it; once. */
export async function finishKill(database: Database, runId: string, record: KillRecord, draft: EventDraft): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    const { numAffectedRows } = await sql`
      update cron_run set kill = ${jsonb(record)} where run_id = ${runId} and kill->>'outcome' is null`.execute(transaction);
    if (numAffectedRows === 1n) await say(transaction, [draft]);
  });
}

/** Whether a run has ended; true for one that nobody knows. */
export async function hasEnded(database: Database, runId: string): Promise<boolean> {
  const row = await database.selectFrom('cron_run').select('ended_at').where('run_id', '=', runId).executeTakeFirst();
  return row === undefined || row.ended_at !== null;
}

/** What was asked for of a run's end, and has not come to anything yet; undefined where nothing was. */
export async function openKill(database: Database, runId: string): Promise<KillRecord | undefined> {
  const row = await database.selectFrom('cron_run').select(['kill', 'ended_at']).where('run_id', '=', runId).executeTakeFirst();
  const kill = row?.kill ?? null;
  return kill === null || kill.outcome !== null || row?.ended_at !== null ? undefined : kill;
}
