import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';
import { isBefore } from './entry-id.js';
import type { StreamFacts } from './reading-position.js';
import { seeStream } from './stream-sight.js';

/**
 * Makes the group if it is not there: at its saved position, or at the beginning of the stream. One made at `$` would lose
 * whatever was published before its first start, or between the loss of the key and its repair. Markers absorb what comes again.
 */
export async function ensureGroup(client: RedisClient, stream: string, group: string): Promise<void> {
  // Looked up first: a full Redis refuses CREATE, also of a group that is there.
  const sight = await seeStream(client, stream);
  if (sight?.groups.some((known) => known.group === group)) return;
  const saved = await client.hget(keys.position(stream), group);
  // Past the end of the stream: it is another stream by now, or a master that had less. Nothing of it may be skipped.
  const start = saved === null || sight === undefined || isBefore(sight.stream.last, saved) ? '0' : saved;
  try {
    await client.xgroup('CREATE', stream, group, start, 'MKSTREAM');
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
 * Removes every member but this one that owns nothing: each restart has a new name, and would stay on the list for ever.
 * Only the holder of the lease reads, so that nobody who is needed is removed.
 */
export async function removeOthers(client: RedisClient, stream: string, group: string, self: string): Promise<void> {
  for (const flat of (await client.xinfo('CONSUMERS', stream, group)) as unknown[][]) {
    const facts = pairs(flat);
    const name = String(facts.get('name'));
    if (name !== self && Number(facts.get('pending')) === 0) await removeConsumerIfEmpty(client, stream, group, name);
  }
}

/** What a stream holds; undefined where it is not there. For those who may run no script: all others ask {@link seeStream}. */
export async function streamFacts(client: RedisClient, stream: string): Promise<StreamFacts | undefined> {
  const flat = await orNone(() => client.xinfo('STREAM', stream) as Promise<unknown[]>);
  return flat === undefined ? undefined : factsOf(flat);
}

function factsOf(flat: readonly unknown[]): StreamFacts {
  const facts = pairs(flat);
  return {
    added: Number(facts.get('entries-added')),
    length: Number(facts.get('length')),
    first: String(facts.get('recorded-first-entry-id')),
    last: String(facts.get('last-generated-id')),
  };
}

async function orNone<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Error && /no such key/i.test(error.message)) return undefined;
    throw error;
  }
}

/** A flat reply of name, value, name, value... as a map. */
function pairs(flat: readonly unknown[]): Map<string, unknown> {
  const map = new Map<string, unknown>();
  for (let index = 0; index < flat.length; index += 2) map.set(String(flat[index]), flat[index + 1]);
  return map;
}
