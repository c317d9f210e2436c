import { parseDuration } from '../config/units.js';

/** When a job is due. Times are epoch ms. */
export type Schedule =
  | { readonly kind: 'cron'; readonly expression: string; readonly time_zone: string }
  | { readonly kind: 'every'; readonly every_ms: number; readonly anchor_ms: number }
  | { readonly kind: 'at'; readonly at_ms: number }
  /** Only when somebody starts it: it has no slots, and cannot be missed. */
  | { readonly kind: 'on-demand' };

/** A written schedule: `every 10m`, or a cron expression in the zone. What is wrong with it, `scheduleIssue` says. */
export function parseSchedule(text: string, timeZone: string): Schedule {
  const every = /^every\s+(\S+)$/.exec(text.trim())?.[1];
  return every === undefined
    ? { kind: 'cron', expression: text.trim(), time_zone: timeZone }
    : { kind: 'every', every_ms: parseDuration(every) ?? Number.NaN, anchor_ms: 0 };
}

/** A schedule for people: `0 8 * * * Europe/Berlin`, `every 10 min`. */
export function scheduleText(schedule: Schedule): string {
  if (schedule.kind === 'cron') return `${schedule.expression} ${schedule.time_zone}`;
  if (schedule.kind === 'every') return `every ${everyText(schedule.every_ms)}`;
  return schedule.kind === 'at' ? `once at ${new Date(schedule.at_ms).toISOString()}` : 'on demand';
}

const UNITS: readonly (readonly [number, string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
];

function everyText(ms: number): string {
  const [size, unit] = UNITS.find(([one]) => ms % one === 0) ?? [1, 'ms'];
  return `${ms / size} ${unit}`;
}
