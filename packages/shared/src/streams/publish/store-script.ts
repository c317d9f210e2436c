import { createHash } from 'node:crypto';
import type { RedisClient } from '../clients.js';

/**
 * Stores a batch in a stream: all of it or nothing, in order, in one command. Redis refuses a script for want of memory
 * or rights before its first write and not after it, so a full server cannot take the second half of a batch and leave
 * the first. (MULTI promises the same and costs two replies an event.)
 *
 * KEYS: stream, the publisher's epoch on it. ARGV: the epoch of this write, then the events. Gives the id of the last one.
 * A write that a network or a frozen server held up comes with an old epoch, and is refused.
 */
const STORE = `
local epoch = redis.call('GET', KEYS[2])
if epoch and epoch ~= ARGV[1] then return redis.error_reply('FENCED a later write of this publisher has begun') end
local last
for at = 2, #ARGV do
  last = redis.pcall('XADD', KEYS[1], '*', 'event', ARGV[at])
  if type(last) == 'table' and last.err then return redis.error_reply(last.err) end
end
return last`;

const SHA = createHash('sha1').update(STORE).digest('hex');

/** Runs the script by its hash; a server that does not know it yet is told it. Gives the id of the last entry. */
export async function store(
  redis: RedisClient,
  keys: { stream: string; epochs: string },
  epoch: string,
  texts: readonly string[],
): Promise<string> {
  try {
    return (await redis.evalsha(SHA, 2, keys.stream, keys.epochs, epoch, ...texts)) as string;
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return (await redis.eval(STORE, 2, keys.stream, keys.epochs, epoch, ...texts)) as string;
  }
}
