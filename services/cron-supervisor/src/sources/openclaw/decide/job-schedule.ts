import { type Issue, issuesOf } from '@ops/shared/events';
import { LONGEST_EVERY_MS, type Schedule, scheduleIssue } from '@ops/shared/schedule';
import { z } from 'zod';

const cron = z.object({
  expr: z.string(),
  tz: z.string().nullish(),
  staggerMs: z.number().min(0).max(LONGEST_EVERY_MS).nullish(),
});
const every = z.object({ everyMs: z.number().max(LONGEST_EVERY_MS), anchorMs: z.number().nullish() });
// Epoch ms before 2026.4, an ISO time since.
const at = z.union([z.object({ atMs: z.number() }), z.object({ at: z.string() })]);
const kind = z.object({ kind: z.string() });

/** How the fields of our schedules are called in the gateway's. */
const GATEWAY_FIELD: Readonly<Record<string, string>> = {
  'schedule.expression': 'expr',
  'schedule.time_zone': 'tz',
  'schedule.every': 'everyMs',
  'schedule.anchor': 'anchorMs',
};

export interface JobSchedule {
  readonly schedule: Schedule;
  /** By how much the gateway itself spreads the starts, ms; undefined where the job says nothing. */
  readonly stagger_ms: number | undefined;
  /** An interval is counted from an anchor that the job names. */
  readonly anchored: boolean;
}

/**
 * The gateway's schedule as ours. Kinds without slots (`on-exit`, `stream`, and those that we do not know) are on demand.
 *
 * @param timeZone of the gateway, for jobs that name none
 * @param createdAt from where an interval without an anchor is counted (2026.9.6, `computeJobNextRunAtMs`), epoch ms
 * @param path of the schedule, for issues
 */
export function readSchedule(
  row: unknown,
  timeZone: string,
  createdAt: number,
  path: string,
): JobSchedule | { readonly issues: readonly Issue[] } {
  const known = kind.safeParse(row);
  if (!known.success) return { issues: issuesOf(known.error, row, path) };
  const read = byKind(known.data.kind, row, timeZone, createdAt, path);
  if ('issues' in read) return read;
  const found = scheduleIssue(read.schedule);
  if (found === undefined) return read;
  return { issues: [{ ...found, path: `${path}.${GATEWAY_FIELD[found.path] ?? found.path.replace('schedule.', '')}` }] };
}

function byKind(
  of: string,
  row: unknown,
  timeZone: string,
  createdAt: number,
  path: string,
): JobSchedule | { readonly issues: readonly Issue[] } {
  if (of === 'cron') {
    const { data, error } = cron.safeParse(row);
    if (error !== undefined) return { issues: issuesOf(error, row, path) };
    // The gateway takes a blank zone for none.
    const zone = data.tz?.trim() ? data.tz.trim() : timeZone;
    const schedule = { kind: 'cron', expression: data.expr.trim(), time_zone: zone } as const;
    return { schedule, stagger_ms: data.staggerMs ?? undefined, anchored: true };
  }
  if (of === 'every') {
    const { data, error } = every.safeParse(row);
    if (error !== undefined) return { issues: issuesOf(error, row, path) };
    const anchored = typeof data.anchorMs === 'number';
    const schedule = { kind: 'every', every_ms: data.everyMs, anchor_ms: data.anchorMs ?? createdAt } as const;
    return { schedule, stagger_ms: undefined, anchored };
  }
  if (of === 'at') {
    const { data, error } = at.safeParse(row);
    if (error !== undefined) return { issues: issuesOf(error, row, path) };
    const time = 'atMs' in data ? data.atMs : Date.parse(data.at);
    return { schedule: { kind: 'at', at_ms: time }, stagger_ms: undefined, anchored: true };
  }
  return { schedule: { kind: 'on-demand' }, stagger_ms: undefined, anchored: true };
}
