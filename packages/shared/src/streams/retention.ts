import type { RedisClient } from './clients.js';
import { groupLags } from './groups.js';

/**
 * Trims a stream by age, but never what a group has not read or not acknowledged: the bound is the oldest such entry.
 *
 * @param keepMs how long entries are kept, in ms
 * @param now epoch ms
 * @returns how many entries went
 */
export async function trimStream(client: RedisClient, stream: string, keepMs: number, now: number): Promise<number> {
  let bound = `${Math.max(0, now - keepMs)}-0`;
  for (const { group, lastDelivered, pending } of await groupLags(client, stream)) {
    bound = older(bound, lastDelivered);
    if (pending > 0) {
      const [oldest] = (await client.xpending(stream, group)).slice(1, 2);
      if (typeof oldest === 'string') bound = older(bound, oldest);
    }
  }
  return client.xtrim(stream, 'MINID', '~', bound);
}

function older(a: string, b: string): string {
  const [aTime = 0, aSequence = 0] = a.split('-').map(Number);
  const [bTime = 0, bSequence = 0] = b.split('-').map(Number);
  return aTime < bTime || (aTime === bTime && aSequence <= bSequence) ? a : b;
}
