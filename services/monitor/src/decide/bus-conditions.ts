import type { Condition } from './conditions.js';

/** A group of a stream, as it was last looked at. */
export interface GroupSight {
  readonly stream: string;
  readonly group: string;
  /** Entries that it has not been given, and that it was given and has not finished. */
  readonly lag: number;
  readonly pending: number;
  /** What changes when it gets on: where it is, and what it has in hand. */
  readonly marker: string;
  /** Id of the oldest entry that it has in hand; null where there is none. */
  readonly oldestPending: string | null;
  /** The member that reads for it; null where none of ours does, or nothing waits for it. */
  readonly reader: string | null;
  /** Entries that went before it had handled them, ever, and when last (epoch ms). */
  readonly unread: { readonly entries: number; readonly at: number } | null;
}

/** A group with what is remembered of it, in monotonic ms. */
export interface GroupProgress extends GroupSight {
  /** Since when it has had work and has not got on. */
  readonly stillSince: number;
  /** Since when it has had its oldest entry in hand, whatever else it gets on with. */
  readonly heldSince: number;
}

/** The metrics of these conditions. */
export const BUS_METRICS = ['bus-progress', 'bus-unread'] as const;

// An hour in which somebody can see it; what is lost does not come back.
const UNREAD_SHOWN_MS = 3_600_000;

/** What is remembered of a group after another look. */
export function progressOf(before: GroupProgress | undefined, sight: GroupSight, now: number): GroupProgress {
  const hasWork = ({ lag, pending }: GroupSight) => lag + pending > 0;
  const still = before !== undefined && hasWork(before) && hasWork(sight) && before.marker === sight.marker;
  const held = before !== undefined && sight.oldestPending !== null && before.oldestPending === sight.oldestPending;
  return { ...sight, stillSince: still ? before.stillSince : now, heldSince: held ? before.heldSince : now };
}

/**
 * A group with work that does not get on, and a group that has lost entries, as conditions.
 *
 * @param monotonic ms that never step back, of the look
 * @param watchedSince since when (the same ms) it has been looked at without a gap: before, nobody knows who is stuck
 * @param now epoch ms
 */
export function busConditions(
  groups: readonly GroupProgress[],
  stuckAfterMs: number,
  monotonic: number,
  now: number,
  watchedSince = Number.NEGATIVE_INFINITY,
): readonly Condition[] {
  const knows = monotonic - watchedSince >= stuckAfterMs;
  return groups.flatMap((one) => [stuck(one, stuckAfterMs, monotonic, now, knows), unread(one, now)]);
}

function stuck(one: GroupProgress, stuckAfterMs: number, monotonic: number, now: number, knows: boolean): Condition {
  const { stream, group, lag, pending, oldestPending } = one;
  const stillMs = lag + pending > 0 ? monotonic - one.stillSince : 0;
  const heldMs = oldestPending === null ? 0 : monotonic - one.heldSince;
  const ms = Math.max(stillMs, heldMs);
  const firing = ms >= stuckAfterMs;
  return {
    ...base(stream, group, now),
    metric: BUS_METRICS[0],
    state: firing ? 'firing' : !knows && lag + pending > 0 ? 'unknown' : 'ok',
    severity: 'critical',
    status: !firing ? 'reading' : stillMs >= stuckAfterMs ? 'stuck' : 'held',
    threshold: stuckAfterMs / 1000,
    current_value: firing ? Math.round(ms / 1000) : 0,
    summary: firing ? stuckText(one, stillMs >= stuckAfterMs, Math.round(ms / 1000)) : `${group} gets on with ${stream}`,
  };
}

function stuckText(
  { stream, group, lag, pending, reader, oldestPending }: GroupProgress,
  still: boolean,
  seconds: number,
): string {
  const who = reader === null ? 'nobody of ours reads for it' : `${reader} reads for it`;
  return still
    ? `${group} does not get on with ${stream}: ${lag} entries before it, ${pending} in hand, none finished for ${seconds} s; ${who}`
    : `${group} gets on with ${stream}, but not with ${oldestPending}: in hand for ${seconds} s, and its subject waits; ${who}`;
}

function unread(one: GroupProgress, now: number): Condition {
  const { stream, group } = one;
  const firing = one.unread !== null && now - one.unread.at < UNREAD_SHOWN_MS;
  return {
    ...base(stream, group, now),
    metric: BUS_METRICS[1],
    state: firing ? 'firing' : 'ok',
    severity: 'critical',
    status: firing ? 'lost' : 'complete',
    threshold: 0,
    current_value: one.unread?.entries ?? 0,
    summary: firing
      ? `${one.unread?.entries} entries of ${stream} went before ${group} had handled them, the last at ${new Date(one.unread?.at ?? 0).toISOString()}`
      : `${group} has lost nothing of ${stream} lately`,
  };
}

function base(stream: string, group: string, now: number) {
  return { name: stream, service: group, at: now, since: null, depends_on: [], affects: [] } as const;
}
