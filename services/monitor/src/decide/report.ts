import type { EventData } from '@ops/shared/events';
import type { LevelReport } from './level-types.js';

// A time without a zone may be meant in any: the zones reach from -12 h to +14 h.
const ANY_ZONE_MS = 14 * 3_600_000;
const CLOCK_SKEW_MS = 5000;

/** What a report of resource_guard.py is worth, or why it is worth nothing. */
export type JudgedReport =
  | { readonly counts: true; readonly report: LevelReport }
  | { readonly counts: false; readonly why: string };

/**
 * Judges a report by its age. A time with a zone is taken at its word; a report without a time is as old as its arrival;
 * a time without a zone could be hours off, so it may raise the level (if it is fresh in any zone) but never lower it.
 * The committed guard_state.json of months ago is expired either way.
 *
 * @param arrivedAt epoch ms
 * @param ttlMs how long a report counts
 */
export function judgeReport(data: EventData<'guard.reported'>, source: string, arrivedAt: number, ttlMs: number): JudgedReport {
  const stamp = data.last_sample?.timestamp ?? data.timestamp ?? null;
  const said = stamp === null ? arrivedAt : timeOf(stamp);
  if (Number.isNaN(said)) return { counts: false, why: 'its timestamp is no time' };
  const zoneless = typeof stamp === 'string' && !/(?:Z|[+-]\d\d:?\d\d)$/.test(stamp);
  const slack = zoneless ? ANY_ZONE_MS : 0;
  if (arrivedAt - said > ttlMs + slack)
    return { counts: false, why: `it is from ${new Date(said).toISOString()}, older than ${ttlMs / 1000} s` };
  if (said - arrivedAt > CLOCK_SKEW_MS + slack)
    return { counts: false, why: `it is from the future (${new Date(said).toISOString()})` };
  if (zoneless && data.level === 'normal') return { counts: false, why: 'its time has no zone: it cannot lower the level' };
  const at = zoneless ? arrivedAt : Math.min(said, arrivedAt);
  return { counts: true, report: { level: data.level, at, expiresAt: at + ttlMs, source } };
}

function timeOf(stamp: string | number): number {
  return typeof stamp === 'number' ? stamp * 1000 : Date.parse(stamp.replace(' ', 'T'));
}
