import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';
import { isBefore } from './entry-id.js';
import { groupLags } from './lag.js';
import { TRIM_HANDLED, TRIM_UNREAD } from './retention-scripts.js';

export interface RetentionPolicy {
  /** How long entries are kept, in ms. */
  readonly keepMs: number;
  /** The ceiling: entries older than this (ms) go although a group has not handled them. */
  readonly unreadMaxAgeMs: number;
  /** The ceiling for a group that is further behind than so many entries. */
  readonly unreadMaxEntries: number;
}

/** What a trim did. */
export interface Trimmed {
  readonly entries: number;
  /** Per group, entries that went although it had not handled them: only past the ceiling. */
  readonly unread: readonly { readonly group: string; readonly entries: number }[];
}

// Entries that one script has in hand, whole: Redis answers nobody else meanwhile, and needs the room.
const PAGE = 100;

/**
 * Trims a stream by age, but never what a group has not read or not acknowledged: the bound is the oldest such entry. A group that
 * has died would hold the stream for ever: past the ceiling it no longer does, and what it loses is counted, in the step in which
 * it goes.
 *
 * @param now epoch ms
 */
export async function trimStream(client: RedisClient, stream: string, policy: RetentionPolicy, now: number): Promise<Trimmed> {
  const idAt = (ageMs: number) => `${Math.max(0, Math.floor(now - ageMs))}-0`;
  const { keepMs, unreadMaxAgeMs, unreadMaxEntries } = policy;
  const [handled, bound, left] = (await client.eval(TRIM_HANDLED, 1, stream, idAt(keepMs))) as [number, string, number];
  let entries = Number(handled);
  const unread = new Map<string, number>();
  const cut = async (older: string, longest: number) => {
    for (;;) {
      const answer = (await client.eval(TRIM_UNREAD, 2, stream, keys.unread(stream), older, longest, PAGE, now)) as readonly (
        | number
        | string
      )[];
      const [gone, ...lost] = answer;
      entries += Number(gone);
      for (let at = 0; at < lost.length; at += 2) {
        const group = String(lost[at]);
        unread.set(group, (unread.get(group) ?? 0) + Number(lost[at + 1]));
      }
      if (Number(gone) < PAGE) return;
    }
  };
  const ceiling = idAt(unreadMaxAgeMs);
  if (isBefore(bound, ceiling)) await cut(ceiling, -1);
  // Where it is not known, the lag has to be counted: only where it can be too much.
  const lags = left > unreadMaxEntries ? await groupLags(client, stream, unreadMaxEntries + 1) : [];
  if (lags.some(({ lag }) => lag > unreadMaxEntries)) await cut('0-0', unreadMaxEntries);
  return { entries, unread: [...unread].map(([group, lost]) => ({ group, entries: lost })) };
}
