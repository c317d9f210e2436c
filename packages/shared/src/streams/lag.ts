import type { RedisClient } from './clients.js';
import { isBefore } from './entry-id.js';
import { type GroupFacts, listGroups, streamFacts } from './groups.js';
import type { StreamFacts } from './reading-position.js';

/** What a group has not done yet. */
export interface GroupLag {
  readonly group: string;
  /** Entries not delivered yet; at least so many where `exact` is false. */
  readonly lag: number;
  readonly exact: boolean;
  readonly pending: number;
  /** Id of the oldest entry that was delivered and is not finished; null where there is none. */
  readonly oldestPending: string | null;
  readonly lastDelivered: string;
}

const COUNT_MOST = 20_000;

// Entries that one script counts: Redis answers nobody else meanwhile.
const PAGE = 20_000;

const COUNT_AFTER = `
local found, last, left = 0, ARGV[1], tonumber(ARGV[2])
while left > 0 do
  local page = redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', math.min(left, 500))
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
  group: Pick<GroupFacts, 'lastDelivered' | 'entriesRead' | 'serverLag'>,
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
  const [facts, groups] = await Promise.all([streamFacts(client, stream), listGroups(client, stream)]);
  if (facts === undefined) return [];
  return Promise.all(
    groups.map(async (known) => {
      const { group, pending, lastDelivered } = known;
      const told = lagFrom(facts, known);
      const lag = told ?? (await countAfter(client, stream, lastDelivered, most));
      const [, oldest] = pending > 0 ? ((await client.xpending(stream, group)) as unknown[]) : [];
      const oldestPending = typeof oldest === 'string' ? oldest : null;
      return { group, lag, exact: told !== undefined || lag < most, pending, oldestPending, lastDelivered };
    }),
  );
}

/** Entries after an id, counted on the server; stops at so many. */
async function countAfter(client: RedisClient, stream: string, id: string, most: number): Promise<number> {
  let [counted, from] = [0, id];
  while (counted < most) {
    const page = Math.min(PAGE, most - counted);
    const [found, last] = (await client.call('eval_ro', COUNT_AFTER, 1, stream, from, page)) as [number, string];
    counted += Number(found);
    from = last;
    if (Number(found) < page) break;
  }
  return counted;
}
