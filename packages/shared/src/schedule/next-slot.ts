import { CronExpressionParser } from 'cron-parser';
import type { Schedule } from './schedule.js';
import { clockChange } from './zone-offset.js';

const MOST_KEPT = 20_000;
const NEAR_MS = 3 * 3_600_000;
// Thousands of jobs share few schedules, and asking cron-parser takes 100 to 500 microseconds.
const kept = new Map<string, number>();

/**
 * The first slot of a schedule after a time; both are epoch ms. Undefined where there is none.
 *
 * The rule for clock changes is BullMQ's, whose parser this is, asked in the same way (bullmq 6.7, `getNextMillis`): a time that a
 * zone skips comes later by the hour that is skipped (02:30 is 03:30 that day; in the half hour of Lord Howe it waits for the next day),
 * and a time that a zone has twice comes once, the first time. Slots of a wildcard hour come at every real hour. An `every` slot is a
 * whole number of intervals from its anchor.
 */
export function nextSlot(schedule: Schedule, after: number): number | undefined {
  switch (schedule.kind) {
    case 'on-demand':
      return undefined;
    case 'at':
      return schedule.at_ms > after ? schedule.at_ms : undefined;
    case 'every':
      return schedule.anchor_ms + (Math.floor((after - schedule.anchor_ms) / schedule.every_ms) + 1) * schedule.every_ms;
    case 'cron':
      return nextCron(schedule.expression, schedule.time_zone, after);
  }
}

function nextCron(expression: string, timeZone: string, time: number): number {
  // Slots of five fields are whole minutes, of six whole seconds: the next one is the same for all of a minute, or a second.
  const step = /^@secondly$|^\s*(?:\S+\s+){5}\S+\s*$/.test(expression) ? 1000 : 60_000;
  const after = Math.floor(time / step) * step;
  const key = `${after} ${timeZone} ${expression}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const slot = firstAfter(expression, timeZone, after);
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(key, slot);
  return slot;
}

// Asked in the middle of a clock change, the parser knows nothing of what was skipped, and takes what comes twice a second time: from
// 03:29 on, a 02:30 that is 03:30 that day would be the next day's. So it is asked from before the change on.
function firstAfter(expression: string, timeZone: string, after: number): number {
  const change = clockChange(timeZone, after - NEAR_MS, after + NEAR_MS);
  const within = change !== undefined && Math.abs(after - change.at) <= Math.abs(change.by);
  let slot = ask(expression, timeZone, within ? change.at - Math.abs(change.by) - 60_000 : after);
  while (slot <= after) {
    const next = ask(expression, timeZone, slot);
    if (next <= slot) throw new Error(`${expression} in ${timeZone}: no slot after ${new Date(slot).toISOString()}`);
    slot = next;
  }
  return slot;
}

function ask(expression: string, timeZone: string, after: number): number {
  return CronExpressionParser.parse(expression, { currentDate: new Date(after), tz: timeZone })
    .next()
    .getTime();
}
