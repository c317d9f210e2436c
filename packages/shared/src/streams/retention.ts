import type { RedisClient } from './clients.js';
import { isBefore } from './entry-id.js';
import { streamFacts } from './groups.js';
import { type GroupLag, groupLags } from './lag.js';
import { noteUnread } from './unread.js';

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

/**
 * Trims a stream by age, but never what a group has not read or not acknowledged: the bound is the oldest such entry. A group that
 * has died would hold the stream for ever: past the ceiling it no longer does, and what it loses is counted.
 *
 * @param now epoch ms
 */
export async function trimStream(client: RedisClient, stream: string, policy: RetentionPolicy, now: number): Promise<Trimmed> {
  const idAt = (ageMs: number) => `${Math.max(0, Math.floor(now - ageMs))}-0`;
  const lags = await groupLags(client, stream);
  let bound = idAt(policy.keepMs);
  for (const lag of lags) {
    bound = older(bound, lag.lastDelivered);
    if (lag.oldestPending !== null) bound = older(bound, lag.oldestPending);
  }
  const ceiling = idAt(policy.unreadMaxAgeMs);
  const far = lags.some(({ lag }) => lag > policy.unreadMaxEntries);
  if (!isBefore(bound, ceiling) && !far) {
    return { entries: await client.xtrim(stream, 'MINID', '~', bound), unread: [] };
  }
  const before = await holdings(client, stream, lags);
  let entries = await client.xtrim(stream, 'MINID', isBefore(bound, ceiling) ? ceiling : bound);
  if (far) entries += await client.xtrim(stream, 'MAXLEN', policy.unreadMaxEntries);
  const after = await holdings(client, stream, await groupLags(client, stream));
  const unread = [...before].flatMap(([group, held]) => {
    const lost = held - (after.get(group) ?? 0);
    return lost > 0 ? [{ group, entries: lost }] : [];
  });
  for (const lost of unread) await noteUnread(client, stream, lost.group, lost.entries, now);
  return { entries, unread };
}

// What a group still has to handle and can: unread entries, and pending ones whose bodies are there.
async function holdings(client: RedisClient, stream: string, lags: readonly GroupLag[]): Promise<Map<string, number>> {
  const facts = await streamFacts(client, stream);
  const held = new Map<string, number>();
  for (const { group, lag, pending } of lags) {
    const first = facts?.first ?? '0-0';
    const gone = pending === 0 ? [] : ((await client.xpending(stream, group, '-', `(${first}`, pending)) as unknown[]);
    held.set(group, lag + pending - gone.length);
  }
  return held;
}

const older = (a: string, b: string) => (isBefore(b, a) ? b : a);
