import type { RunReport } from '../cron-types.js';

/** A report of a run of which nothing is known but its beginning: whoever makes one says the rest. @param job what its source calls it */
export function blankReport(job: string, startedAt: number): RunReport {
  return {
    job,
    started_at: startedAt,
    ended_at: startedAt,
    word: 'ok',
    completion: null,
    output: null,
    error: null,
    error_kind: null,
    delivery: null,
    exit_code: null,
    timeout_ms: null,
    ref: null,
  };
}
