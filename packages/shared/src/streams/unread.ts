import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';

// Once, though it is sent again for want of an answer: unless another member told of a loss in between.
const NOTE = `
if redis.call('HGET', KEYS[1], ARGV[1] .. ':loss') == ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1] .. ':loss', ARGV[2], ARGV[1] .. ':at', ARGV[4])
return redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[3])`;

/** Entries that a group lost. */
export interface Loss {
  /** Its own, to be counted once. */
  readonly id: string;
  readonly entries: number;
}

/** Counts entries that a group lost. Rejects as Redis does; told again with the id that was told last, it is not counted again. */
export async function noteUnread(client: RedisClient, stream: string, group: string, loss: Loss, now: number): Promise<void> {
  await client.eval(NOTE, 1, keys.unread(stream), group, loss.id, loss.entries, now);
}

/** Where the reader of a group was at its last look, for the reader after it. */
export interface SeenPosition {
  /** Entries ever added, up to the last one that was read. */
  readonly index: number;
  /** What Redis had counted of them: it does not count what went unread, but what is read it does. */
  readonly entriesRead: number;
  /** Unread entries that the retention had taken by then. */
  readonly cut: number;
  /** Id of the last entry that the group had been given; undefined where an older version saved it. */
  readonly at?: string | undefined;
}

/** Saves it. Rejects as Redis does. */
export async function noteSeen(client: RedisClient, stream: string, group: string, seen: SeenPosition): Promise<void> {
  const { index, entriesRead, cut, at } = seen;
  const parts = at === undefined ? [index, entriesRead, cut] : [index, entriesRead, cut, at];
  await client.hset(keys.unread(stream), `${group}:seen`, parts.join('/'));
}

/** What was saved last; undefined where nothing was. */
export async function lastSeen(client: RedisClient, stream: string, group: string): Promise<SeenPosition | undefined> {
  const text = await client.hget(keys.unread(stream), `${group}:seen`);
  const [index, entriesRead, cut, at] = (text ?? '').split('/');
  if (index === undefined || entriesRead === undefined || cut === undefined) return undefined;
  return { index: Number(index), entriesRead: Number(entriesRead), cut: Number(cut), at };
}
