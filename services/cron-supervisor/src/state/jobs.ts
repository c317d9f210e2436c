import { type EventDraft, SUPERVISED_JOB } from '@ops/shared/events';
import type { Logger } from '@ops/shared/runtime';
import { nextSlot } from '@ops/shared/schedule';
import { isUnavailable } from '@ops/shared/streams';
import { sql, type Transaction } from 'kysely';
import type { Job } from '../cron-types.js';
import { ALERTS, type AlertMetric, alertDraft } from '../decide/drafts.js';
import { sourceAlert } from '../decide/source-alert.js';
import type { Unread } from '../decide/unread.js';
import { say } from './outbox.js';
import { holdRuns } from './runs.js';
import { type Database, type JobRow, jsonb, type Tables } from './tables.js';

const CHUNK = 200;

/**
 * Stores the jobs of a source. A new one, and one whose schedule has changed or that was switched on again, is judged from now on: what
 * was due before was somebody else's. A changed grace moves the next deadline.
 *
 * @param unread what else the source has, by its own ids: whatever is neither that nor listed is removed, with its history kept; nothing
 *   is where that is unknown
 * @returns whether anything has changed
 */
export async function registerJobs(
  database: Database,
  source: string,
  jobs: readonly Job[],
  { now, unread, log }: { readonly now: number; readonly unread: Unread; readonly log: Logger },
): Promise<boolean> {
  const rows = await database.selectFrom('cron_job').selectAll().where('source', '=', source).execute();
  const known = new Map(rows.map((row) => [row.job_id, row]));
  const changed: Job[] = [];
  for (const [index, job] of jobs.entries()) {
    // Whoever pings must not wait for thousands of comparisons.
    if (index % CHUNK === CHUNK - 1) await new Promise((resolve) => setImmediate(resolve));
    if (!isStored(job, known.get(job.job_id))) changed.push(job);
  }
  // In pieces: whoever takes in runs waits for each of them.
  for (let from = 0; from < changed.length; from += CHUNK) {
    const piece = changed.slice(from, from + CHUNK);
    try {
      await store(database, piece, known, now);
    } catch (error) {
      if (isUnavailable(error)) throw error;
      await storeOneByOne(database, piece, known, now, log);
    }
  }
  const named = new Set(jobs.map(({ job_id }) => job_id));
  const gone =
    unread === 'unknown'
      ? []
      : rows.filter((row) => row.removed_at === null && !named.has(row.job_id) && !unread.includes(row.external_id));
  await removeJobs(
    database,
    gone.map(({ job_id }) => job_id),
    now,
  );
  return changed.length + gone.length > 0;
}

type Known = ReadonlyMap<string, JobRow>;

async function store(database: Database, jobs: readonly Job[], known: Known, now: number): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    await holdRuns(transaction);
    await upsert(transaction, jobs, now);
    const over = new Map(jobs.flatMap((job) => notJudgedAnyMore(job, known.get(job.job_id))));
    // That its last run has failed stays true: a gateway switches a job off by itself when it has failed often.
    await endAlerts(transaction, over, ['cron-schedule', 'cron-runtime'], now);
  });
}

// Switched off, or not to be understood since it was changed: no run of it can be waited for, and why. None where it was so before.
function notJudgedAnyMore(job: Job, before: JobRow | undefined): readonly (readonly [string, string])[] {
  if (before === undefined || !before.enabled || before.problem !== null) return [];
  if (!job.enabled) return [[job.job_id, 'the job is switched off']];
  return job.problem === null ? [] : [[job.job_id, `the job cannot be judged: ${job.problem}`]];
}

// One that cannot be stored must not be the others' loss.
async function storeOneByOne(database: Database, jobs: readonly Job[], known: Known, now: number, log: Logger): Promise<void> {
  for (const job of jobs) {
    try {
      await store(database, [job], known, now);
    } catch (error) {
      if (isUnavailable(error)) throw error;
      log.error({ job: job.job_id, error }, 'a scheduled job cannot be stored, and is not supervised');
    }
  }
}

/** Removes the jobs of sources that are not there any more: nobody can say what became of them. The alerts about those sources are over. */
export async function removeOtherSources(
  database: Database,
  sources: readonly string[],
  { now, host }: { readonly now: number; readonly host: string },
): Promise<void> {
  const { rows } = await sql<{ job_id: string; source: string }>`
    select job_id, source from cron_job where removed_at is null and not source = any(${sources})`.execute(database);
  const dropped = [...new Set(rows.map(({ source }) => source))];
  await removeJobs(
    database,
    rows.map(({ job_id }) => job_id),
    now,
    dropped.flatMap((source) =>
      sourceAlert(source, [], undefined, now).map((draft) => ({
        ...draft,
        host,
        purpose: `${source} ${draft.data.metric} dropped ${now}`,
      })),
    ),
  );
}

// Their history stays; the alerts about them are over.
async function removeJobs(
  database: Database,
  jobs: readonly string[],
  now: number,
  drafts: readonly EventDraft[] = [],
): Promise<void> {
  if (jobs.length === 0) return;
  await database.transaction().execute(async (transaction) => {
    await holdRuns(transaction);
    const { rows } = await sql<{ job_id: string }>`
      update cron_job set removed_at = ${new Date(now)}, next_slot = null, due_at = null
      where job_id = any(${jobs}) and removed_at is null returning job_id`.execute(transaction);
    await endAlerts(
      transaction,
      new Map(rows.map(({ job_id }) => [job_id, 'the job is not there any more'])),
      Object.values(ALERTS),
      now,
    );
    await say(transaction, drafts);
  });
}

// These alerts about jobs of which no run is waited for any more are over; `jobs` says why, by job.
async function endAlerts(
  transaction: Transaction<Tables>,
  jobs: ReadonlyMap<string, string>,
  metrics: readonly AlertMetric[],
  now: number,
): Promise<void> {
  if (jobs.size === 0) return;
  const { rows } = await sql<{ job_id: string; raised: AlertMetric[] }>`
    update cron_job c set raised = c.raised - ${metrics}::text[]
    from cron_job before where c.job_id = any(${[...jobs.keys()]}) and before.job_id = c.job_id and before.raised ?| ${metrics}::text[]
    returning c.job_id, before.raised`.execute(transaction);
  const drafts = rows.flatMap(({ job_id, raised }) => {
    const over = { status: 'ok', expected: SUPERVISED_JOB, found: jobs.get(job_id) ?? '', at: now };
    return raised
      .filter((metric) => metrics.includes(metric))
      .map((metric) => alertDraft({ job_id }, metric, over, `let go ${now}`));
  });
  await say(transaction, drafts);
}

/** Whether a job is removed, or switched off; undefined where nobody knows it. */
export async function isGone(database: Database, jobId: string): Promise<boolean | undefined> {
  const row = await database
    .selectFrom('cron_job')
    .select(['removed_at', 'enabled'])
    .where('job_id', '=', jobId)
    .executeTakeFirst();
  return row === undefined ? undefined : row.removed_at !== null || !row.enabled;
}

/** Every job that is not removed. */
export async function storedJobs(database: Database): Promise<JobRow[]> {
  return database.selectFrom('cron_job').selectAll().where('removed_at', 'is', null).execute();
}

/** A stored job as the rest of the service sees it. */
export function jobFromRow(row: JobRow): Job {
  const { job_id, source, external_id, name, purpose, agent, enabled, schedule, policy, problem } = row;
  const timeout_ms = row.timeout_ms === null ? null : Number(row.timeout_ms);
  return { job_id, source, external_id, name, purpose, agent, enabled, schedule, policy, timeout_ms, problem };
}

function isStored(job: Job, row: JobRow | undefined): boolean {
  if (row === undefined || row.removed_at !== null) return false;
  return JSON.stringify(sorted(jobFromRow(row))) === JSON.stringify(sorted(job));
}

// jsonb keeps no order of keys.
function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}

async function upsert(transaction: Transaction<Tables>, jobs: readonly Job[], now: number): Promise<void> {
  const judgedAsBefore = sql`cron_job.removed_at is null and cron_job.schedule = excluded.schedule
    and (cron_job.enabled and cron_job.problem is null) = (excluded.enabled and excluded.problem is null)`;
  await transaction
    .insertInto('cron_job')
    .values(jobs.map((job) => newRow(job, now)))
    .onConflict((conflict) =>
      conflict.column('job_id').doUpdateSet(({ ref }) => ({
        name: ref('excluded.name'),
        purpose: ref('excluded.purpose'),
        agent: ref('excluded.agent'),
        enabled: ref('excluded.enabled'),
        schedule: ref('excluded.schedule'),
        policy: ref('excluded.policy'),
        timeout_ms: ref('excluded.timeout_ms'),
        problem: ref('excluded.problem'),
        removed_at: null,
        // Read where it is written: whoever judges a slot at this moment must not be set back.
        judged_until: sql<Date>`case when ${judgedAsBefore} then cron_job.judged_until else excluded.judged_until end`,
        next_slot: sql<Date>`case when ${judgedAsBefore} then cron_job.next_slot else excluded.next_slot end`,
        due_at: sql<Date>`case when ${judgedAsBefore}
          then cron_job.next_slot + (excluded.policy->>'grace_ms')::float8 * interval '1 millisecond' else excluded.due_at end`,
      })),
    )
    .execute();
}

function newRow(job: Job, now: number) {
  const next = job.enabled && job.problem === null ? nextSlot(job.schedule, now) : undefined;
  return {
    ...job,
    schedule: jsonb(job.schedule),
    policy: jsonb(job.policy),
    timeout_ms: job.timeout_ms === null ? null : String(job.timeout_ms),
    registered_at: new Date(now),
    removed_at: null,
    judged_until: new Date(now),
    next_slot: next === undefined ? null : new Date(next),
    due_at: next === undefined ? null : new Date(next + job.policy.grace_ms),
    raised: jsonb([] as readonly string[]),
  };
}
