import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';

/** What a group lost: entries that went from the stream before it had handled them. */
export interface Unread {
  readonly group: string;
  /** How many, ever. */
  readonly entries: number;
  /** When last, epoch ms. */
  readonly at: number;
}

/** Counts entries that a group lost. Rejects as Redis does; nothing is counted then. */
export async function noteUnread(
  client: RedisClient,
  stream: string,
  group: string,
  entries: number,
  now: number,
): Promise<void> {
  const key = keys.unread(stream);
  const replies = await client.multi().hincrby(key, group, entries).hset(key, `${group}:at`, now).exec();
  const refused = replies?.find(([error]) => error !== null)?.[0];
  if (refused) throw refused;
}

/** Where the reader of a group was at its last look, for the reader after it. */
export interface SeenPosition {
  /** Entries ever added, up to the last one that was read. */
  readonly index: number;
  /** What Redis had counted of them: it does not count what went unread, but what is read it does. */
  readonly entriesRead: number;
  /** Unread entries that the retention had taken by then. */
  readonly cut: number;
}

/** Saves it. Rejects as Redis does. */
export async function noteSeen(client: RedisClient, stream: string, group: string, seen: SeenPosition): Promise<void> {
  await client.hset(keys.unread(stream), `${group}:seen`, [seen.index, seen.entriesRead, seen.cut].join('/'));
}

/** What was saved last; undefined where nothing was. */
export async function lastSeen(client: RedisClient, stream: string, group: string): Promise<SeenPosition | undefined> {
  const text = await client.hget(keys.unread(stream), `${group}:seen`);
  const [index, entriesRead, cut] = (text ?? '').split('/').map(Number);
  return index === undefined || entriesRead === undefined || cut === undefined ? undefined : { index, entriesRead, cut };
}

/** What the groups of a stream have lost. */
export async function listUnread(client: RedisClient, stream: string): Promise<Unread[]> {
  const fields = await client.hgetall(keys.unread(stream));
  return Object.entries(fields).flatMap(([group, entries]) => {
    const at = fields[`${group}:at`];
    return at === undefined ? [] : [{ group, entries: Number(entries), at: Number(at) }];
  });
}
