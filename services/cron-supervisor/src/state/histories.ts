import { type RawBuilder, sql } from 'kysely';
import type { JobHistory, ReviewedRun, ReviewWindow } from '../decide/review/history.js';
import type { Database } from './tables.js';

/** A job as a review looks at it, without its past. */
export type ReviewedJob = Omit<JobHistory, 'runs' | 'missed'>;

/** The jobs that are to be reviewed, by id: neither removed nor switched off, and readable. */
export async function reviewedJobs(database: Database): Promise<readonly ReviewedJob[]> {
  const rows = await database
    .selectFrom('cron_job')
    .select(['job_id', 'name', 'source', 'schedule', 'policy', 'timeout_ms'])
    .where('removed_at', 'is', null)
    .where('enabled', '=', true)
    .where('problem', 'is', null)
    .orderBy('job_id')
    .execute();
  return rows.map(({ timeout_ms, ...job }) => ({ ...job, timeout_ms: timeout_ms === null ? null : Number(timeout_ms) }));
}

/**
 * What happened to a job in the window. Outputs and reports stay in the database: only their length and their word are read.
 *
 * @param most runs that are read, the latest ones: a job that runs each minute has 120 000 in twelve weeks
 */
export async function historyOf(
  database: Database,
  job: ReviewedJob,
  { trend_from, from, to }: ReviewWindow,
  most: number,
): Promise<JobHistory> {
  const runs = await database
    .selectFrom('cron_run')
    .select([
      ms(sql.ref('started_at')).as('started_at'),
      sql<number>`(extract(epoch from ended_at - started_at) * 1000)::float8`.as('duration_ms'),
      sql<ReviewedRun['verdict']>`verdict`.as('verdict'),
      sql<string>`coalesce(code, 'unknown')`.as('code'),
      sql<number | null>`length(output)`.as('output_length'),
      sql<string | null>`report->>'word'`.as('word'),
      sql<ReviewedRun['trigger']>`trigger`.as('trigger'),
      sql<number | null>`${ms(sql.ref('slot'))}`.as('slot'),
    ])
    .where('job_id', '=', job.job_id)
    .where('started_at', '>=', new Date(trend_from))
    .where('started_at', '<', new Date(to))
    .where('ended_at', 'is not', null)
    .where('verdict', 'is not', null)
    .orderBy('started_at', 'desc')
    .limit(most)
    .execute();
  const missed = await database
    .selectFrom('cron_missed')
    .select([ms(sql.ref('slot')).as('slot'), 'unseen'])
    .where('job_id', '=', job.job_id)
    .where('slot', '>=', new Date(from))
    .where('slot', '<', new Date(to))
    .orderBy('slot', 'desc')
    .limit(most)
    .execute();
  return { ...job, runs: runs.reverse(), missed: missed.reverse() };
}

function ms(time: RawBuilder<unknown>): RawBuilder<number> {
  return sql<number>`(extract(epoch from ${time}) * 1000)::float8`;
}
