import type { OpsConfig } from '@ops/shared/config';
import { sql } from 'kysely';
import type { Database } from './tables.js';

// Or as many as must be known.
const MOST_RUNS = 60;

/**
 * How long the runs of a source's jobs take, ms: a percentile of the last good runs of each, where there are enough. Runs whose start
 * nobody told are left out. Rounded, so that it does not change with each run.
 */
export async function learnedRuntimes(
  database: Database,
  source: string,
  { learn }: Pick<OpsConfig['cron'], 'learn'>,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ job_id: string; ms: number }>`
    select j.job_id, t.ms from cron_job j cross join lateral (
      select percentile_cont(${learn.percentile / 100}) within group (order by ms) as ms, count(*) as runs from (
        select extract(epoch from r.ended_at - r.started_at) * 1000 as ms from cron_run r
        where r.job_id = j.job_id and r.verdict = 'succeeded' and r.ended_at > r.started_at
        order by r.started_at desc limit ${Math.max(MOST_RUNS, learn.after)}) as last) as t
    where j.source = ${source} and j.removed_at is null and t.runs >= ${learn.after}`.execute(database);
  return new Map(rows.map(({ job_id, ms }) => [job_id, roundUp(Number(ms))]));
}

// To two digits, upwards: 1,234 ms are 1,300 ms.
function roundUp(ms: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, ms))) - 1);
  return Math.max(100, Math.ceil(ms / step) * step);
}
