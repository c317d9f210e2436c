import type { Job } from '../src/cron-types.js';

/** A job as it is registered, with nothing set for it; hourly, unless `more` says otherwise. */
export function madeJob(source: string, id: string, more: Partial<Job> = {}): Job {
  return {
    job_id: `${source}/${id}`,
    source,
    external_id: id,
    name: id,
    purpose: '',
    agent: null,
    enabled: true,
    schedule: { kind: 'every', every_ms: 3_600_000, anchor_ms: 0 },
    policy: {
      expected_ms: null,
      expected_from: 'default',
      grace_ms: 60_000,
      retry: true,
      kill: true,
      output: {},
      class: 'non-revenue',
    },
    timeout_ms: null,
    problem: null,
    ...more,
  };
}
