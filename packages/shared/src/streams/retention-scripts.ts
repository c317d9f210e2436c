// The scripts of the retention. Each decides and trims in one step: a group that is made, goes back (a replay) or reads between a
// look and a trim would lose what nobody counts.

// A full Redis must be able to trim: what goes makes room. (Writing the counts is refused otherwise.)
const IDS = `#!lua flags=allow-oom
local function parts(id) return string.match(id, '^(%d+)-(%d+)$') end
local function less(a, b) if #a ~= #b then return #a < #b end return a < b end
-- Ids have 64 bits, Lua's numbers 53: they are compared as texts.
local function before(a, b)
  local am, as = parts(a)
  local bm, bs = parts(b)
  if am ~= bm then return less(am, bm) end
  return less(as, bs)
end
local function named(flat)
  local map = {}
  for at = 1, #flat, 2 do map[flat[at]] = flat[at + 1] end
  return map
end
local function groups()
  local all = {}
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do all[#all + 1] = named(flat) end
  return all
end`;

/**
 * Trims what is older than an id and what every group has read and acknowledged. KEYS: stream. ARGV: the id.
 * Answers how many entries went, the id up to which they may, and how many are left.
 */
export const TRIM_HANDLED = `${IDS}
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if not first then return {0, ARGV[1], 0} end
local bound = ARGV[1]
for _, group in ipairs(groups()) do
  if before(group['last-delivered-id'], bound) then bound = group['last-delivered-id'] end
  if group.pending > 0 then
    -- Not what has no body any more.
    local oldest = redis.call('XPENDING', KEYS[1], group.name, first[1], '+', 1)[1]
    if oldest and before(oldest[1], bound) then bound = oldest[1] end
  end
end
local gone = redis.call('XTRIM', KEYS[1], 'MINID', '~', bound)
return {gone, bound, redis.call('XLEN', KEYS[1])}`;

/**
 * Trims the oldest entries, whoever has not handled them, and counts for each group what it loses. What it had pending is taken off
 * its list: the body is gone. How many it had not read is noted for its reader, which counts what others trim.
 *
 * KEYS: stream, the groups' losses. ARGV: entries older than this id go, or where the stream is longer than this (-1: however long),
 * how many at most, epoch ms. Answers how many went, then group, how many it lost, and so on.
 */
export const TRIM_UNREAD = `${IDS}
local older, longest, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if longest >= 0 then most = math.min(most, redis.call('XLEN', KEYS[1]) - longest) end
if most <= 0 then return {0} end
local page = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', most)
local going = {}
for _, entry in ipairs(page) do
  if longest < 0 and not before(entry[1], older) then break end
  going[#going + 1] = entry[1]
end
if #going == 0 then return {0} end
local first, last = going[1], going[#going]
local there = {}
for _, id in ipairs(going) do there[id] = true end
local answer = {#going}
for _, group in ipairs(groups()) do
  local lost = 0
  for at = #going, 1, -1 do
    if not before(group['last-delivered-id'], going[at]) then break end
    lost = lost + 1
  end
  if lost > 0 then redis.call('HINCRBY', KEYS[2], group.name .. ':cut', lost) end
  if group.pending > 0 then
    -- Also such as lie between them and have lost their body before.
    for _, held in ipairs(redis.call('XPENDING', KEYS[1], group.name, first, last, 1000000)) do
      if there[held[1]] then
        lost = lost + 1
        redis.call('XACK', KEYS[1], group.name, held[1])
      end
    end
  end
  if lost > 0 then
    redis.call('HINCRBY', KEYS[2], group.name, lost)
    redis.call('HSET', KEYS[2], group.name .. ':at', ARGV[4])
    answer[#answer + 1] = group.name
    answer[#answer + 1] = lost
  end
end
local behind = redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', 1)[1]
if behind then redis.call('XTRIM', KEYS[1], 'MINID', behind[1]) else redis.call('XTRIM', KEYS[1], 'MAXLEN', 0) end
return answer`;
