import type { HeartbeatJob } from '@ops/shared/config';
import { parseSchedule, type Schedule } from '@ops/shared/schedule';
import { intervalTolerance } from '../interval-tolerance.js';
import type { SourceJob } from '../source.js';

/** A heartbeat job of ops.yaml, or one that a command has added, as its source lists it. */
export function listed(job: HeartbeatJob, policy_from: 'ops.yaml' | 'added'): SourceJob {
  const { id, schedule, time_zone, purpose, agent, expected, grace, retry, kill, output, class: importance } = job;
  const planned: Schedule = schedule === undefined ? { kind: 'on-demand' } : parseSchedule(schedule, time_zone);
  return {
    id,
    name: id,
    purpose,
    agent: agent ?? null,
    enabled: true,
    schedule: planned,
    start_tolerance_ms: intervalTolerance(planned),
    timeout_ms: null,
    may_be_empty: false,
    policy: { expected, grace, retry, kill, output, class: importance },
    policy_from,
  };
}
