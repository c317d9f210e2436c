import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';
import type { StreamFacts } from './reading-position.js';

/** A group of a stream, with what it has in hand and what it lost. */
export interface SeenGroup {
  readonly group: string;
  readonly pending: number;
  readonly lastDelivered: string;
  /** Entries that it has read, counted by Redis; null where that does not know. */
  readonly entriesRead: number | null;
  /** Entries that it has not read, as Redis counts: null after XDEL and for groups made at some id, and wrong after a trim. */
  readonly serverLag: number | null;
  /** Id of the oldest entry that was delivered and is not finished; null where there is none. */
  readonly oldestPending: string | null;
  /** Entries that went before it had handled them, ever, and when last (epoch ms); null where none did. */
  readonly unread: { readonly entries: number; readonly at: number } | null;
  /** How many unread entries the retention has taken from it, ever. */
  readonly cut: number;
}

/** A stream and all its groups in one moment. */
export interface StreamSight {
  readonly stream: StreamFacts;
  readonly groups: readonly SeenGroup[];
}

// A script, not XINFO itself: that answers with the whole first and last entry, and is asked every few seconds for each stream.
const LOOK = `
local function named(flat)
  local map = {}
  for index = 1, #flat, 2 do map[flat[index]] = flat[index + 1] end
  return map
end
local stream = redis.pcall('XINFO', 'STREAM', KEYS[1])
if stream.err then
  if string.find(stream.err, 'no such key', 1, true) then return false end
  return stream
end
stream = named(stream)
local groups = {}
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = named(flat)
  local name, oldest = group['name'], false
  if group['pending'] > 0 then
    local first = redis.call('XPENDING', KEYS[1], name, '-', '+', 1)[1]
    oldest = first and first[1] or false
  end
  local noted = {}
  for _, kind in ipairs({'', ':at', ':cut'}) do table.insert(noted, redis.call('HGET', KEYS[2], name .. kind)) end
  table.insert(groups, {name, group['pending'], group['last-delivered-id'], group['entries-read'] or false, group['lag'] or false, oldest, noted})
end
local ends = {stream['recorded-first-entry-id'], stream['last-generated-id']}
return cjson.encode({stream['entries-added'], stream['length'], ends, groups})`;

type Told<T> = T | false;
type ToldGroup = [string, number, string, Told<number>, Told<number>, Told<string>, Told<string>[]];

/** Looks at a stream and its groups; undefined where it is not there. Rejects as Redis does. */
export async function seeStream(client: RedisClient, stream: string): Promise<StreamSight | undefined> {
  const text = (await client.call('eval_ro', LOOK, 2, stream, keys.unread(stream))) as string | null;
  if (text === null) return undefined;
  const [added, length, [first, last], groups] = JSON.parse(text) as [number, number, [string, string], ToldGroup[]];
  // Lua writes an empty list as an object.
  return { stream: { added, length, first, last }, groups: Array.isArray(groups) ? groups.map(seenGroup) : [] };
}

function seenGroup([group, pending, lastDelivered, entriesRead, serverLag, oldest, [entries, at, cut]]: ToldGroup): SeenGroup {
  return {
    group,
    pending,
    lastDelivered,
    entriesRead: known(entriesRead),
    serverLag: known(serverLag),
    oldestPending: known(oldest),
    unread: at ? { entries: Number(entries), at: Number(at) } : null,
    cut: Number(cut || 0),
  };
}

const known = <T>(told: Told<T>): T | null => (told === false ? null : told);
