import { sql } from 'kysely';
import type { Database } from './tables.js';

/** What a list says of a job: how it stands, and its last runs. */
export interface JobSummary {
  readonly job_id: string;
  /** Alerts that stand about it. */
  readonly raised: readonly string[];
  readonly last_at: string | null;
  readonly last_verdict: string | null;
  readonly last_reason: string | null;
  readonly last_ms: number | null;
  readonly running_since: string | null;
  /** Of the last 24 hours. */
  readonly failed: number;
  readonly missed: number;
  /** Verdicts of the last ten runs, oldest first: s, f, k, or . for one that runs. */
  readonly strip: string;
  readonly retry_at: string | null;
  readonly next_at: string | null;
}

/** Every supervised job's summary, or that of one. @param now epoch ms */
export async function jobSummaries(database: Database, now: number, only?: string): Promise<readonly JobSummary[]> {
  const since = new Date(now - 86_400_000);
  const { rows } = await sql<JobSummary>`
    select j.job_id, j.raised, to_json(j.next_slot)#>>'{}' as next_at, to_json(last.started_at)#>>'{}' as last_at, last.verdict as last_verdict, last.reason as last_reason,
      (extract(epoch from last.ended_at - last.started_at) * 1000)::float8 as last_ms,
      (select to_json(min(r.started_at))#>>'{}' from cron_run r where r.job_id = j.job_id and r.ended_at is null) as running_since,
      (select count(*)::int from cron_run r where r.job_id = j.job_id and r.started_at > ${since} and r.verdict in ('failed', 'killed')) as failed,
      (select count(*)::int from cron_missed m where m.job_id = j.job_id and m.slot > ${since} and not m.unseen) as missed,
      coalesce((select string_agg(coalesce(left(t.verdict, 1), '.'), '' order by t.started_at) from (
        select verdict, started_at from cron_run r where r.job_id = j.job_id order by started_at desc limit 10) t), '') as strip,
      (select to_json(min(y.due_at))#>>'{}' from cron_retry y where y.job_id = j.job_id and y.ended_at is null) as retry_at
    from cron_job j
    left join lateral (
      select * from cron_run r where r.job_id = j.job_id and r.ended_at is not null order by r.started_at desc limit 1
    ) last on true
    where j.removed_at is null ${only === undefined ? sql`` : sql`and j.job_id = ${only}`}
    order by (j.raised <> '[]') desc, j.source, j.name`.execute(database);
  return rows;
}
