import type { RedisClient } from './clients.js';
import { isBefore } from './entry-id.js';
import type { StreamFacts } from './reading-position.js';
import { type SeenGroup, seeStream } from './stream-sight.js';

/** What a group has not done yet. */
export interface GroupLag extends Pick<SeenGroup, 'group' | 'pending' | 'oldestPending' | 'lastDelivered' | 'unread'> {
  /** Entries not delivered yet; at least so many where `exact` is false. */
  readonly lag: number;
  readonly exact: boolean;
}

const COUNT_MOST = 20_000;

// Entries that one script counts: Redis answers nobody else meanwhile.
const PAGE = 20_000;

const COUNT_BETWEEN = `
local found, last, left = 0, ARGV[1], tonumber(ARGV[3])
while left > 0 do
  local page = redis.call('XRANGE', KEYS[1], '(' .. last, ARGV[2], 'COUNT', math.min(left, 500))
  found = found + #page
  if #page > 0 then last = page[#page][1] end
  if #page < math.min(left, 500) then break end
  left = left - #page
end
return {found, last}`;

/**
 * The lag from what Redis counts, or undefined where it has to be counted: Redis says nothing after XDEL and for groups made at
 * an id (redis/redis#13337, #13473, #13957), and too much after a trim of what was not read.
 */
export function lagFrom(
  stream: StreamFacts,
  group: Pick<SeenGroup, 'lastDelivered' | 'entriesRead' | 'serverLag'>,
): number | undefined {
  const { lastDelivered, entriesRead, serverLag } = group;
  if (stream.length === 0 || !isBefore(lastDelivered, stream.last)) return 0;
  if (isBefore(lastDelivered, stream.first)) return stream.length;
  if (serverLag === null || entriesRead === null || serverLag > stream.length) return undefined;
  // It has read one that is still there, so it must have read past everything that is gone.
  return entriesRead > stream.added - stream.length ? serverLag : undefined;
}

/**
 * What the groups of a stream have before them; none where the stream is not there.
 *
 * @param most where Redis does not know it, so many are counted
 */
export async function groupLags(client: RedisClient, stream: string, most = COUNT_MOST): Promise<GroupLag[]> {
  const sight = await seeStream(client, stream);
  if (sight === undefined) return [];
  return Promise.all(
    sight.groups.map(async (known) => {
      const { group, pending, oldestPending, lastDelivered, unread } = known;
      const told = lagFrom(sight.stream, known);
      const lag = told ?? (await countBetween(client, stream, lastDelivered, '+', most));
      return { group, lag, exact: told !== undefined || lag < most, pending, oldestPending, lastDelivered, unread };
    }),
  );
}

/**
 * Entries after an id and up to another one, that one included, counted on the server; stops at so many.
 *
 * @param upTo an id, or `+` for the end of the stream
 */
export async function countBetween(
  client: RedisClient,
  stream: string,
  after: string,
  upTo: string,
  most = COUNT_MOST,
): Promise<number> {
  let [counted, from] = [0, after];
  while (counted < most) {
    const page = Math.min(PAGE, most - counted);
    const [found, last] = (await client.call('eval_ro', COUNT_BETWEEN, 1, stream, from, upTo, page)) as [number, string];
    counted += Number(found);
    from = last;
    if (Number(found) < page) break;
  }
  return counted;
}
