import type { RedisClient } from './clients.js';

/**
 * Makes the group if it is not there, at the beginning of the stream: a group made at `$` would lose whatever was
 * published before its first start, or between the loss of the key and its repair. Done markers absorb what comes again.
 */
export async function ensureGroup(client: RedisClient, stream: string, group: string): Promise<void> {
  // Looked up first: a full Redis refuses CREATE, also of a group that is there.
  if ((await groupLags(client, stream)).some((known) => known.group === group)) return;
  try {
    await client.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error;
  }
}

// Check and removal must be one step: XGROUP DELCONSUMER throws away what the consumer still owns.
const REMOVE_IF_EMPTY = `
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if #pending > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1`;

/** Removes a consumer that owns nothing; returns whether it was removed. */
export async function removeConsumerIfEmpty(
  client: RedisClient,
  stream: string,
  group: string,
  consumer: string,
): Promise<boolean> {
  return (await client.eval(REMOVE_IF_EMPTY, 1, stream, group, consumer)) === 1;
}

/**
 * Removes the members that are gone and own nothing: every restart has a new name, and would stay on the list for ever.
 * A living one asks every few seconds; if it was removed all the same, its next read makes it again.
 */
export async function removeGoneConsumers(
  client: RedisClient,
  stream: string,
  group: string,
  self: string,
  goneAfterMs: number,
): Promise<void> {
  for (const flat of (await client.xinfo('CONSUMERS', stream, group)) as unknown[][]) {
    const facts = pairs(flat);
    const name = String(facts.get('name'));
    if (name === self || Number(facts.get('pending')) > 0 || Number(facts.get('idle')) < goneAfterMs) continue;
    await removeConsumerIfEmpty(client, stream, group, name);
  }
}

/** What a group has not done yet. */
export interface GroupLag {
  readonly group: string;
  /** Entries not delivered yet; null where Redis cannot tell. */
  readonly lag: number | null;
  readonly pending: number;
  readonly lastDelivered: string;
}

/** The groups of a stream; none where the stream is not there. */
export async function groupLags(client: RedisClient, stream: string): Promise<GroupLag[]> {
  let groups: unknown[];
  try {
    groups = (await client.xinfo('GROUPS', stream)) as unknown[];
  } catch (error) {
    if (error instanceof Error && /no such key/i.test(error.message)) return [];
    throw error;
  }
  return groups.map((flat) => {
    const facts = pairs(flat as unknown[]);
    return {
      group: String(facts.get('name')),
      lag: typeof facts.get('lag') === 'number' ? Number(facts.get('lag')) : null,
      pending: Number(facts.get('pending') ?? 0),
      lastDelivered: String(facts.get('last-delivered-id')),
    };
  });
}

/** A flat reply of name, value, name, value... as a map. */
export function pairs(flat: readonly unknown[]): Map<string, unknown> {
  const map = new Map<string, unknown>();
  for (let index = 0; index < flat.length; index += 2) map.set(String(flat[index]), flat[index + 1]);
  return map;
}
