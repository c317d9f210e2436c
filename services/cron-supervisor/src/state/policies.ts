import type { CronPolicy, OpsConfig } from '@ops/shared/config';
import { sql } from 'kysely';
import type { Database } from './tables.js';

const MOST_RUNS = 200;

/** What operators have changed by a command, by job. */
export async function overrides(database: Database): Promise<ReadonlyMap<string, CronPolicy>> {
  const rows = await database.selectFrom('cron_override').select(['job_id', 'policy']).execute();
  return new Map(rows.map(({ job_id, policy }) => [job_id, policy as CronPolicy]));
}

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
    select job_id, percentile_cont(${learn.percentile / 100}) within group (order by ms) as ms
    from (
      select r.job_id, extract(epoch from r.ended_at - r.started_at) * 1000 as ms,
        row_number() over (partition by r.job_id order by r.started_at desc) as n
      from cron_run r join cron_job j on j.job_id = r.job_id
      where j.source = ${source} and r.verdict = 'succeeded' and r.ended_at > r.started_at
        and r.started_at > now() - interval '90 days'
    ) as timed
    where n <= ${MOST_RUNS}
    group by job_id having count(*) >= ${learn.after}`.execute(database);
  return new Map(rows.map(({ job_id, ms }) => [job_id, roundUp(Number(ms))]));
}

// To two digits, upwards: 1,234 ms are 1,300 ms.
function roundUp(ms: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, ms))) - 1);
  return Math.max(100, Math.ceil(ms / step) * step);
}
