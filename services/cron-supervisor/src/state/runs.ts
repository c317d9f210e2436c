import { type Kysely, sql, type Transaction } from 'kysely';
import type { Trigger } from '../cron-types.js';
import type { IntakePlan, Run, RunFact, WaitingRetry } from '../decide/intake-types.js';
import { runIdOf } from '../run-id.js';
import { saying } from './outbox.js';
import { type Database, jsonb, type RetryRow, type RunRow, type Tables } from './tables.js';

type Queries = Kysely<Tables> | Transaction<Tables>;

/** What intake must know of the jobs that these facts speak of. */
export interface KnownRuns {
  readonly runs: readonly Run[];
  readonly retries: readonly WaitingRetry[];
  readonly missed: ReadonlySet<string>;
  readonly raised: ReadonlyMap<string, readonly string[]>;
}

/** Takes the right to write about runs for this transaction: two supervisors that hear the same must not tell it twice. */
export async function holdRuns(transaction: Transaction<Tables>): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('ops-cron-runs'))`.execute(transaction);
}

/** Reads what is known. @param late slots (`<job>`, epoch ms) of which somebody may have said that they were missed */
export async function readKnown(
  database: Queries,
  facts: readonly RunFact[],
  late: readonly { readonly job_id: string; readonly slot: number }[],
): Promise<KnownRuns> {
  const jobs = [...new Set(facts.map(({ job_id }) => job_id))];
  const named = facts.flatMap((fact) =>
    fact.kind === 'began'
      ? [runIdOf(fact.job_id, fact.started_at)]
      : fact.kind === 'ended'
        ? [runIdOf(fact.job_id, fact.report.started_at)]
        : [runIdOf(fact.job_id, fact.at)],
  );
  const refs = facts.flatMap((fact) => (fact.kind !== 'ended' && fact.ref !== null ? [fact.ref] : []));
  // In one question, planned once: whoever pings waits for it, and its plan costs more than its work.
  const { rows } = await sql<{
    runs: Json<RunRow>[] | null;
    retries: Json<RetryRow & { slot: Date | null }>[] | null;
    raised: Record<string, string[]> | null;
  }>`/* cron-known */
    select
      (select json_agg(r) from (
        select * from cron_run where ended_at is null and job_id = any(${jobs})
        union select * from cron_run where run_id = any(${named})
        union select * from cron_run where job_id = any(${jobs}) and ref is not null and ref = any(${refs})) r) as runs,
      (select json_agg(y) from (
        select y.*, r.slot from cron_retry y left join cron_run r on r.run_id = y.run_id
        where y.ended_at is null and y.job_id = any(${jobs})) y) as retries,
      (select json_object_agg(job_id, raised) from cron_job where job_id = any(${jobs}) and raised <> '[]') as raised`.execute(
    database,
  );
  const [found] = rows;
  const missed =
    late.length === 0
      ? undefined
      : await sql<{ job_id: string; slot: Date }>`
          select m.job_id, m.slot from cron_missed m
          join unnest(${late.map(({ job_id }) => job_id)}::text[], ${late.map(({ slot }) => new Date(slot))}::timestamptz[]) as l(job_id, slot)
          on l.job_id = m.job_id and l.slot = m.slot`.execute(database);
  return {
    runs: (found?.runs ?? []).map((row) => fromRow(dated(row, RUN_DATES) as unknown as RunRow)),
    retries: (found?.retries ?? []).map((row) =>
      retryFromRow(dated(row, RETRY_DATES) as unknown as RetryRow & { slot: Date | null }),
    ),
    missed: new Set(missed?.rows.map(({ job_id, slot }) => `${job_id} ${slot.getTime()}`)),
    raised: new Map(Object.entries(found?.raised ?? {})),
  };
}

/** A row as JSON has it: times are texts. */
type Json<T> = { readonly [K in keyof T]: T[K] extends Date ? string : T[K] extends Date | null ? string | null : T[K] };

const RUN_DATES = ['started_at', 'slot', 'ended_at', 'limit_at', 'overran_at'];
const RETRY_DATES = ['failed_at', 'due_at', 'asked_at', 'ended_at', 'slot'];

function dated(row: object, dates: readonly string[]): object {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, dates.includes(key) && typeof value === 'string' ? new Date(value) : value]),
  );
}

/** Stores what intake has planned, and what is to be said of it, in the transaction that {@link holdRuns} was called in. */
export async function storePlan(transaction: Transaction<Tables>, plan: IntakePlan): Promise<void> {
  await storeRuns(transaction, plan);
  if (plan.retries.length > 0) {
    const rows = plan.retries.map(({ failed_at, due_at, ...rest }) => ({
      ...rest,
      failed_at: new Date(failed_at),
      due_at: new Date(due_at),
      state: 'waiting',
      asked_at: null,
      ref: null,
      retry_run_id: null,
      ended_at: null,
    }));
    await transaction
      .insertInto('cron_retry')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  for (const { run_id, state, retry_run_id, ended_at } of plan.retryChanges) {
    await transaction
      .updateTable('cron_retry')
      .set({ state, retry_run_id, ended_at: ended_at === null ? null : new Date(ended_at) })
      .where('run_id', '=', run_id)
      .execute();
  }
  for (const [job_id, raised] of plan.raised)
    await transaction
      .updateTable('cron_job')
      .set({ raised: jsonb(raised) })
      .where('job_id', '=', job_id)
      .execute();
}

// Runs, the jobs that they move on, and what is said of them: in one statement, as whoever pings waits for it. A job is moved on only
// from the very slot that was served: whoever is further back has slots before it to be judged.
async function storeRuns(transaction: Transaction<Tables>, { runs, served, drafts }: IntakePlan): Promise<void> {
  if (runs.length + served.length + drafts.length === 0) return;
  await sql`/* cron-store */
    with run as (
      insert into cron_run (run_id, job_id, started_at, slot, trigger, ref, ended_at, report, verdict, code, reason, output, limit_at, retry_of)
      select run_id, job_id, started_at, slot, trigger, ref, ended_at, report, verdict, code, reason, output, limit_at, retry_of
      from jsonb_populate_recordset(null::cron_run, ${jsonb(runs.map(toRow))})
      on conflict (run_id) do update set
        trigger = excluded.trigger, ref = excluded.ref, ended_at = excluded.ended_at, report = excluded.report, verdict = excluded.verdict,
        code = excluded.code, reason = excluded.reason, output = excluded.output
    ), job as (
      update cron_job set judged_until = v.slot, next_slot = v.next, due_at = v.due
      from unnest(
        ${served.map(({ job_id }) => job_id)}::text[], ${served.map(({ slot }) => date(slot))}::timestamptz[],
        ${served.map(({ next }) => date(next))}::timestamptz[], ${served.map(({ due_at }) => date(due_at))}::timestamptz[]
      ) as v(job_id, slot, next, due)
      where cron_job.job_id = v.job_id and cron_job.next_slot = v.slot
    )
    ${saying(drafts)}`.execute(transaction);
}

/** Runs of a source that have not ended, as far as anybody has told us. */
export async function openRuns(database: Database, source: string): Promise<Run[]> {
  const rows = await database
    .selectFrom('cron_run')
    .innerJoin('cron_job', 'cron_job.job_id', 'cron_run.job_id')
    .selectAll('cron_run')
    .where('cron_job.source', '=', source)
    .where('cron_run.ended_at', 'is', null)
    .execute();
  return rows.map(fromRow);
}

/** Runs of a job, newest first; of all jobs where none is given. */
export async function listRuns(database: Database, most: number, jobId?: string): Promise<RunRow[]> {
  let query = database.selectFrom('cron_run').selectAll().orderBy('started_at', 'desc').limit(most);
  if (jobId !== undefined) query = query.where('job_id', '=', jobId);
  return query.execute();
}

export function fromRow(row: RunRow): Run {
  return {
    run_id: row.run_id,
    job_id: row.job_id,
    started_at: row.started_at.getTime(),
    slot: row.slot?.getTime() ?? null,
    trigger: row.trigger as Trigger,
    ref: row.ref,
    ended_at: row.ended_at?.getTime() ?? null,
    report: row.report,
    verdict: row.verdict,
    code: row.code,
    reason: row.reason,
    output: row.output,
    limit_at: row.limit_at?.getTime() ?? null,
    kill_asked_at: row.kill === null ? null : Date.parse(row.kill.asked_at),
    retry_of: row.retry_of,
  };
}

function toRow(run: Run) {
  const { kill_asked_at: _kill, ...rest } = run;
  return {
    ...rest,
    started_at: new Date(run.started_at),
    slot: date(run.slot),
    ended_at: date(run.ended_at),
    limit_at: date(run.limit_at),
  };
}

function date(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}

function retryFromRow(row: RetryRow & { readonly slot: Date | null }): WaitingRetry {
  return {
    run_id: row.run_id,
    job_id: row.job_id,
    due_at: row.due_at.getTime(),
    state: row.state,
    asked_at: row.asked_at?.getTime() ?? null,
    ref: row.ref,
    retry_run_id: row.retry_run_id,
    slot: row.slot?.getTime() ?? null,
  };
}

/**
 * From when on the runs of each job of a source are to be asked for (epoch ms): whatever began after the last slot that was judged, the
 * last run that has ended, and the oldest one that has not, is not known for sure.
 */
export async function lookBack(database: Database, source: string): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ job_id: string; since: Date }>`
    select j.job_id, least(
      j.judged_until,
      (select min(r.started_at) from cron_run r where r.job_id = j.job_id and r.ended_at is null),
      coalesce((select max(r.started_at) from cron_run r where r.job_id = j.job_id and r.ended_at is not null), j.registered_at)
    ) as since
    from cron_job j where j.source = ${source} and j.removed_at is null`.execute(database);
  return new Map(rows.map(({ job_id, since }) => [job_id, since.getTime() - LOOK_BACK_MS]));
}

const LOOK_BACK_MS = 60_000;

/** The newest run of a job that has not ended. */
export async function openRunOf(database: Database, jobId: string): Promise<Run | undefined> {
  const row = await database
    .selectFrom('cron_run')
    .selectAll()
    .where('job_id', '=', jobId)
    .where('ended_at', 'is', null)
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : fromRow(row);
}

/** Slots that were missed, newest first. */
export async function listMissed(database: Database, most: number, jobId?: string): Promise<Tables['cron_missed'][]> {
  let query = database.selectFrom('cron_missed').selectAll().orderBy('slot', 'desc').limit(most);
  if (jobId !== undefined) query = query.where('job_id', '=', jobId);
  return query.execute();
}
