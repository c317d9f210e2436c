import { inWindow, type JobHistory, type ReviewWindow } from './history.js';

/** A job with the runs by which it can get into the way of others. */
export interface BusyJob extends Pick<JobHistory, 'job_id' | 'name' | 'source' | 'schedule'> {
  readonly revenue: boolean;
  /** Runs that served a slot, oldest first. */
  readonly runs: readonly ServedRun[];
  /** ms in which it ran, in all. */
  readonly busy_ms: number;
}

/** Times are epoch ms. */
export interface ServedRun {
  readonly slot: number;
  readonly start: number;
  readonly end: number;
}

/** Each hour for four weeks; a job that runs each minute needs no month for what is regular. */
const MOST_RUNS = 700;
/** Jobs of one source that are looked at for collisions: the busiest. Pairs are as many as its square. */
const MOST_JOBS = 60;

/** What of a job matters beside others. */
export function busyJob(history: JobHistory, window: ReviewWindow): BusyJob {
  const { job_id, name, source, schedule, policy } = history;
  const runs = inWindow(history.runs, window)
    .filter(({ slot, trigger }) => slot !== null && trigger === 'schedule')
    .slice(-MOST_RUNS)
    .map(({ slot, started_at, duration_ms }) => ({ slot: slot ?? started_at, start: started_at, end: started_at + duration_ms }));
  const busy_ms = runs.reduce((sum, { start, end }) => sum + end - start, 0);
  return { job_id, name, source, schedule, revenue: policy.class === 'revenue', runs, busy_ms };
}

/** The busiest jobs of each source, so that thousands of jobs cost no more than hundreds. */
export function busiest(jobs: readonly BusyJob[]): readonly BusyJob[] {
  const kept = new Map<string, number>();
  return [...jobs]
    .sort((a, b) => b.busy_ms - a.busy_ms || a.job_id.localeCompare(b.job_id))
    .filter(({ source }) => {
      const count = (kept.get(source) ?? 0) + 1;
      kept.set(source, count);
      return count <= MOST_JOBS;
    });
}
