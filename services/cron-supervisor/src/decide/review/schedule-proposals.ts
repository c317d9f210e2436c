import { scheduleText } from '@ops/shared/schedule';
import { type Collision, cost, harmInWords } from './collisions.js';
import { busyOf, otherTime } from './other-time.js';
import type { Draft } from './proposal.js';
import type { BusyJob, ServedRun } from './served-runs.js';

/**
 * Another time for each job that collides, the costliest first; each counts with those that were moved before it, so that not all move to the
 * same free minute. A revenue job is never moved. One that cannot be moved leaves it to the other one, if that earns no money either.
 */
export function scheduleProposals(found: readonly Collision[], jobs: readonly BusyJob[]): readonly Draft[] {
  const now = new Map(jobs.map((job) => [job.job_id, job]));
  const moved = new Set<string>();
  const stuck = new Set<string>();
  const drafts: Draft[] = [];
  for (const collision of [...found].sort((a, b) => cost(b) - cost(a) || a.mover.job_id.localeCompare(b.mover.job_id))) {
    // It is away already, or the other one is.
    if (moved.has(collision.mover.job_id) || moved.has(collision.other.job_id)) continue;
    for (const [job, other] of [
      [collision.mover, collision.other],
      [collision.other, collision.mover],
    ] as const) {
      if (job.revenue || stuck.has(job.job_id)) continue;
      const others = [...now.values()].filter((one) => one.source === job.source && one.job_id !== job.job_id);
      const to = otherTime(job, busyOf(others));
      if (to === undefined) {
        stuck.add(job.job_id);
        continue;
      }
      moved.add(job.job_id);
      now.set(job.job_id, { ...job, schedule: to.schedule, runs: job.runs.map(later(to.shift_ms)) });
      drafts.push({
        job_id: job.job_id,
        job_name: job.name,
        current: scheduleText(job.schedule),
        proposed: scheduleText(to.schedule),
        reason: `it meets ${other.name}, and ${harmInWords(collision)}`,
        change: { kind: 'schedule', schedule: to.schedule },
      });
      break;
    }
  }
  return drafts;
}

const later =
  (ms: number) =>
  ({ slot, start, end }: ServedRun): ServedRun => ({ slot: slot + ms, start: start + ms, end: end + ms });
