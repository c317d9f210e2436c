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

/** What the groups of a stream have lost. */
export async function listUnread(client: RedisClient, stream: string): Promise<Unread[]> {
  const fields = await client.hgetall(keys.unread(stream));
  return Object.entries(fields).flatMap(([group, entries]) => {
    const at = fields[`${group}:at`];
    return at === undefined ? [] : [{ group, entries: Number(entries), at: Number(at) }];
  });
}
