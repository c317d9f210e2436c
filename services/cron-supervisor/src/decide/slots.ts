import { nextSlot, type Schedule } from '@ops/shared/schedule';

// A run may be seen to begin a little before its slot: clocks are read in two places.
const EARLY_MS = 1000;
// How far back a slot is looked for, in steps: most schedules are found by the first.
const LOOK_BACK_MS = [70_000, 700_000, 3_700_000, 90_000_000, 700_000_000, 2_800_000_000];
const MOST_STEPS = 2000;

/**
 * The slot that a run serves: the newest one that had come when it began, if it began within the slot's grace. Undefined where there is
 * none. In the hours after a clock change that skips a time, a run may come earlier by what is skipped: other schedulers (OpenClaw's)
 * run a skipped 02:30 at 03:00, where ours, which is BullMQ's, has it at 03:30.
 *
 * @param began epoch ms @param grace ms
 */
export function slotOf(schedule: Schedule, grace: number, began: number): number | undefined {
  const early = schedule.kind === 'cron' ? skippedBefore(began, schedule.time_zone) : 0;
  const latest = began + EARLY_MS + early;
  const slot = newestUntil(schedule, latest, grace + EARLY_MS + early);
  return slot !== undefined && began <= slot + grace ? slot : undefined;
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

// How much time the zone skips within the next three hours, ms: 0 on all but one day a year.
function skippedBefore(time: number, zone: string): number {
  return Math.max(0, offsetOf(zone, time + 3 * 3_600_000) - offsetOf(zone, time - 3_600_000));
}

const offsets = new Map<string, number>();
const formats = new Map<string, Intl.DateTimeFormat>();

// Of a zone at a time, ms east of UTC; kept by the hour.
function offsetOf(zone: string, time: number): number {
  const hour = Math.floor(time / 3_600_000);
  const key = `${zone} ${hour}`;
  const known = offsets.get(key);
  if (known !== undefined) return known;
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  formats.set(zone, format);
  const parts = Object.fromEntries(format.formatToParts(hour * 3_600_000).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour: h = 0, minute = 0, second = 0 } = parts as Record<string, number>;
  const offset = Date.UTC(year, month - 1, day, h, minute, second) - hour * 3_600_000;
  if (offsets.size > 50_000) offsets.clear();
  offsets.set(key, offset);
  return offset;
}
