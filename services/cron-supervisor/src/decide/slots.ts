import { clockChange, nextSlot, type Schedule } from '@ops/shared/schedule';

// A run may be seen to begin a little before its slot: clocks are read in two places.
const EARLY_MS = 1000;
// How far back a slot is looked for, in steps: most schedules are found by the first.
const LOOK_BACK_MS = [70_000, 700_000, 3_700_000, 90_000_000, 700_000_000, 2_800_000_000];
const MOST_STEPS = 2000;
const HOUR_MS = 3_600_000;

/**
 * The slot that a run serves: the newest one that had come when it began, if it began within the slot's grace; undefined where there is
 * none. On the day when a zone skips a time, a run may come earlier by what is skipped: other schedulers (OpenClaw's) run a skipped 02:30
 * at 03:00, where ours, which is BullMQ's, has it at 03:30.
 *
 * @param began epoch ms @param grace ms
 */
export function slotOf(schedule: Schedule, grace: number, began: number): number | undefined {
  const slot = newestUntil(schedule, began + EARLY_MS, grace + EARLY_MS);
  if (slot !== undefined || schedule.kind !== 'cron') return slot;
  const change = clockChange(schedule.time_zone, began - 2 * HOUR_MS, began + HOUR_MS);
  if (change === undefined || change.by <= 0) return undefined;
  const next = nextSlot(schedule, began);
  // Only a slot that the change itself has moved.
  const moved = next !== undefined && next >= change.at && next < change.at + change.by;
  return moved && next - began <= change.by ? next : undefined;
}

// The newest slot up to a time, not further back than `most`.
function newestUntil(schedule: Schedule, time: number, most: number): number | undefined {
  for (const step of [...LOOK_BACK_MS.filter((one) => one < most), most]) {
    let found = nextSlot(schedule, time - step - 1);
    if (found === undefined || found > time) continue;
    for (let steps = 0; steps < MOST_STEPS; steps += 1) {
      const next = nextSlot(schedule, found);
      if (next === undefined || next > time) return found;
      found = next;
    }
    return found;
  }
  return undefined;
}
