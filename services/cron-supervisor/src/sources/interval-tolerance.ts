import type { Schedule } from '@ops/shared/schedule';

/** How late a run may begin, ms, where nobody says at which minute: an interval tells how far apart runs are, not when they are. */
export function intervalTolerance(schedule: Schedule): number {
  return schedule.kind === 'every' ? schedule.every_ms : 0;
}
