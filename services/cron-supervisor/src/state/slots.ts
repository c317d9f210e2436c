import { sql, type Transaction } from 'kysely';
import type { Job } from '../cron-types.js';
import { ALERTS, type AlertMetric, alertDraft, missedDraft } from '../decide/drafts.js';
import type { MissedSlot, SlotPlan } from '../decide/missed.js';
import { say } from './outbox.js';
import { holdRuns } from './runs.js';
import { type Database, type JobRow, jsonb, type Tables } from './tables.js';

/** Jobs with a slot whose grace is over. */
export async function dueJobs(database: Database, now: number, most: number): Promise<JobRow[]> {
  return database.selectFrom('cron_job').selectAll().where('due_at', '<=', new Date(now)).orderBy('due_at').limit(most).execute();
}

/** The slots from their next one on that runs of these jobs have served: job → epoch ms. */
export async function servedSlots(
  database: Database,
  jobs: readonly JobRow[],
): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
  const { rows } = await sql<{ job_id: string; slot: Date }>`
    select r.job_id, r.slot
    from unnest(${jobs.map(({ job_id }) => job_id)}::text[], ${jobs.map(({ next_slot }) => next_slot)}::timestamptz[]) as j(job_id, slot)
    join cron_run r on r.job_id = j.job_id and r.slot >= j.slot`.execute(database);
  const served = new Map<string, Set<number>>();
  for (const { job_id, slot } of rows) served.set(job_id, (served.get(job_id) ?? new Set()).add(slot.getTime()));
  return served;
}

/** What is to be stored of one job whose slots were judged. */
export interface Judged {
  readonly job: Job;
  /** The slot that the judgement began with. */
  readonly from: number;
  readonly plan: SlotPlan;
  readonly missed: readonly (MissedSlot & { readonly reason: string })[];
  readonly alert: { readonly status: string; readonly expected: string; readonly found: string } | undefined;
}

/**
 * Stores judgements, and what is to be said of them: each slot once, whoever else judges at this moment. Where the job has gone on
 * meanwhile, nothing is stored of it.
 */
export async function storeJudged(database: Database, judged: readonly Judged[], now: number): Promise<number> {
  if (judged.length === 0) return 0;
  return database.transaction().execute(async (transaction) => {
    // Whoever takes in runs moves the same jobs on: one after the other, or they would wait for each other for ever.
    await holdRuns(transaction);
    const mine = await advance(transaction, judged);
    const won = judged.filter(({ job }) => mine.has(job.job_id));
    const missed = won.flatMap(({ job, missed: slots }) => slots.map((one) => ({ job, ...one })));
    await insertMissed(transaction, missed, now);
    const raising = won.filter(({ alert }) => alert !== undefined);
    const fresh = await raise(
      transaction,
      raising.map(({ job }) => job.job_id),
      ALERTS.schedule,
    );
    const alerts = raising.flatMap(({ job, alert, plan }) => {
      const last = plan.missed.at(-1);
      return alert === undefined || last === undefined || !fresh.has(job.job_id)
        ? []
        : [alertDraft(job, ALERTS.schedule, { ...alert, at: now }, String(last.slot))];
    });
    await say(transaction, [...missed.map(({ job, reason, ...one }) => missedDraft(job, one, reason)), ...alerts]);
    return won.length;
  });
}

async function advance(transaction: Transaction<Tables>, judged: readonly Judged[]): Promise<ReadonlySet<string>> {
  const date = (ms: number | undefined) => (ms === undefined ? null : new Date(ms));
  const { rows } = await sql<{ job_id: string }>`
    update cron_job set judged_until = greatest(cron_job.judged_until, v.judged), next_slot = v.next, due_at = v.due
    from unnest(
      ${judged.map(({ job }) => job.job_id)}::text[], ${judged.map(({ from }) => new Date(from))}::timestamptz[],
      ${judged.map(({ plan }) => new Date(plan.judged_until))}::timestamptz[],
      ${judged.map(({ plan }) => date(plan.next_slot))}::timestamptz[], ${judged.map(({ plan }) => date(plan.due_at))}::timestamptz[]
    ) as v(job_id, was, judged, next, due)
    where cron_job.job_id = v.job_id and cron_job.next_slot = v.was
    returning cron_job.job_id`.execute(transaction);
  return new Set(rows.map(({ job_id }) => job_id));
}

async function insertMissed(
  transaction: Transaction<Tables>,
  missed: readonly {
    readonly job: Job;
    readonly reason: string;
    readonly slot: number;
    readonly deadline: number;
    readonly unseen: boolean;
  }[],
  now: number,
): Promise<void> {
  if (missed.length === 0) return;
  await sql`
    insert into cron_missed (job_id, slot, deadline, judged_at, reason, unseen)
    select job_id, slot, deadline, ${new Date(now)}, reason, unseen
    from unnest(
      ${missed.map(({ job }) => job.job_id)}::text[], ${missed.map(({ slot }) => new Date(slot))}::timestamptz[],
      ${missed.map(({ deadline }) => new Date(deadline))}::timestamptz[], ${missed.map(({ reason }) => reason)}::text[],
      ${missed.map(({ unseen }) => unseen)}::boolean[]
    ) as v(job_id, slot, deadline, reason, unseen)
    on conflict do nothing`.execute(transaction);
}

/** Notes that an alert stands about jobs: the next success ends it. Returns those about which it did not stand before. */
export async function raise(
  transaction: Transaction<Tables>,
  jobs: readonly string[],
  metric: AlertMetric,
): Promise<ReadonlySet<string>> {
  if (jobs.length === 0) return new Set();
  const { rows } = await sql<{ job_id: string }>`
    update cron_job set raised = raised || ${jsonb([metric])}
    where job_id = any(${jobs}) and not raised @> ${jsonb([metric])} returning job_id`.execute(transaction);
  return new Set(rows.map(({ job_id }) => job_id));
}
