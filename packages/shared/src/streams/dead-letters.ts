import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';
import { META, splitLetter } from './dead-letter-fields.js';
import { readEntry } from './entry-reader.js';

/** Why an entry could not be handled. */
export interface DeadLetterReason {
  /** A RejectCode, `failed` or `delivery-limit`. */
  readonly code: string;
  /** `path: value: expected ...`, or the error of each attempt; already redacted. */
  readonly reasons: readonly string[];
  readonly attempts: number;
  /** No group can handle it: one of them buries it, the others only acknowledge. */
  readonly forAll?: boolean;
}

const OWNER_TTL_SECONDS = 30 * 86_400;
// Behind the name of the group that has buried an entry for all: read again (a replay), it is only let go of.
const BURIED = '(buried)';
// The latest time that a Date can tell: an entry's id may be later.
const LATEST_MS = 8.64e15;

/**
 * Dead letter and acknowledgement, both or none, and once: an answer that was lost does not write it again.
 *
 * KEYS: stream, its dead letters. ARGV: group, entry id, then the fields.
 */
const BURY = `
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return 1`;
// Lua's stack ends at some 8,000 values.
const MOST_IN_SCRIPT = 4000;

/**
 * Moves an entry to the dead letters of its stream and acknowledges it, in one step: Redis takes both or none, so a
 * full server leaves it pending instead of losing it. The fields are copied as bytes, whole.
 *
 * @returns whether the body was still there (it may have been trimmed)
 */
export async function moveToDeadLetters(
  client: RedisClient,
  entry: { stream: string; group: string; id: string; type?: string },
  why: DeadLetterReason,
  at: string,
): Promise<boolean> {
  const { stream, group, id } = entry;
  if (why.forAll === true) {
    // The owner still has it pending until it is buried, so that the others may let go of it.
    const owner = await client.set(keys.deadLetterOwner(stream, id), group, 'EX', OWNER_TTL_SECONDS, 'NX', 'GET');
    if (owner !== null && owner !== group) {
      await client.xack(stream, group, id);
      return true;
    }
  }
  const copied = async () => {
    const found = await copy(client, entry, why, at);
    // Where it cannot be noted (Redis is full), a replay would bury it again.
    if (why.forAll === true)
      await client.set(keys.deadLetterOwner(stream, id), `${group} ${BURIED}`, 'EX', OWNER_TTL_SECONDS).catch(() => undefined);
    return found;
  };
  if (why.code !== 'too-large') return copied();
  // One at a time, of all streams: each is in memory whole, more than once.
  const turn = lastLarge.then(copied);
  lastLarge = turn.catch(() => undefined);
  return turn;
}

let lastLarge: Promise<unknown> = Promise.resolve();

async function copy(
  client: RedisClient,
  { stream, group, id, type = '' }: { stream: string; group: string; id: string; type?: string },
  why: DeadLetterReason,
  at: string,
): Promise<boolean> {
  const found = await client.xrangeBuffer(stream, id, id);
  const fields = found[0]?.[1] ?? [];
  const meta = [stream, id, group, type, found.length === 0 ? 'trimmed' : why.code, JSON.stringify(why.reasons)];
  const named = [...meta, String(why.attempts), at].flatMap((value, index) => [META[index] ?? '', value]);
  const letters = keys.deadLetters(stream);
  if (fields.length <= MOST_IN_SCRIPT) {
    await client.eval(BURY, 2, stream, letters, group, id, ...named, ...fields);
    return found.length > 0;
  }
  // A transaction goes on behind a command that fails when it is run: what cannot be written must be found before.
  await client.xlen(letters);
  // Nor is it written again where only the answer was lost.
  if ((await client.xpending(stream, group, id, id, 1)).length === 0) return found.length > 0;
  const replies = await client
    .multi()
    // An array, not spread: more arguments than the stack holds would throw.
    .call('XADD', [letters, '*', ...named, ...fields])
    .xack(stream, group, id)
    .exec();
  const refused = replies?.find(([error]) => error !== null)?.[0];
  if (refused) throw refused;
  if (replies === null) throw new Error('EXECABORT the dead letter was not taken');
  return found.length > 0;
}

/**
 * Writes the entry to its stream again and removes the dead letter. The event keeps its id: groups that were done with
 * it absorb it, the one that failed handles it again. Bytes are kept.
 *
 * @returns the new entry's id, or undefined where there is no such dead letter
 */
export async function retryDeadLetter(client: RedisClient, stream: string, deadId: string): Promise<string | undefined> {
  const found = await client.xrangeBuffer(keys.deadLetters(stream), deadId, deadId);
  const fields = found[0]?.[1];
  if (fields === undefined) return undefined;
  const { meta, own } = splitLetter(fields);
  if (own.length === 0) return undefined;
  const [group, marker] = [String(meta[2]), markerOf(stream, String(meta[1]), own)];
  const passed = marker !== undefined && isPassMark(await client.zscore(keys.done(stream, group), marker));
  const transaction = client.multi().call('XADD', [stream, '*', ...own, ...identityOf(stream, String(meta[1]), own)]);
  if (passed) transaction.zrem(keys.done(stream, group), marker);
  const replies = await transaction.exec();
  const refused = replies?.find(([error]) => error !== null)?.[0];
  if (refused) throw refused;
  // Not before it is there. A crash in between leaves both, and the event's id absorbs what is handled.
  await client.xdel(keys.deadLetters(stream), deadId);
  return String(replies?.[0]?.[1]);
}

/**
 * Marks a dead event as one that is not to be handled, without saying that it was: a replay passes by it, and a retry takes the mark
 * away. What is done has a whole number of ms.
 */
export function passMark(now: number): number {
  return Math.floor(now) + 0.5;
}

const isPassMark = (score: string | null) => score !== null && !Number.isInteger(Number(score));

// Flat fields have their identity from their entry: written again, they must keep it, and their age.
function identityOf(stream: string, id: string, own: readonly Buffer[]): string[] {
  const names = new Set(own.flatMap((field, index) => (index % 2 === 0 ? [field.toString()] : [])));
  if (names.has('event')) return [];
  const given = { id, source: stream, time: new Date(Math.min(Number.parseInt(id, 10) || 0, LATEST_MS)).toISOString() };
  return Object.entries(given).flatMap(([name, value]) => (names.has(name) ? [] : [name, value]));
}

const PAGE = 4;

/** The dead letters of a group that are events, with what marks them as done. */
export async function deadLettersOf(
  client: RedisClient,
  stream: string,
  group: string,
): Promise<{ readonly id: string; readonly marker: string }[]> {
  const found: { id: string; marker: string }[] = [];
  for (let from = '-'; ; ) {
    const page = await client.xrangeBuffer(keys.deadLetters(stream), from, '+', 'COUNT', PAGE);
    for (const [, fields] of page) {
      const { meta, own } = splitLetter(fields);
      const id = String(meta[1]);
      const marker = String(meta[2]) === group ? markerOf(stream, id, own) : undefined;
      if (marker !== undefined) found.push({ id, marker });
    }
    const last = page.at(-1)?.[0];
    if (last === undefined || page.length < PAGE) return found;
    from = `(${last}`;
  }
}

function markerOf(stream: string, id: string, own: readonly Buffer[]): string | undefined {
  return readEntry(stream, id, own.map(String)).marker;
}

/** Removes a dead letter for good: no replay brings its event back to the group that had failed. */
export async function dropDeadLetter(client: RedisClient, stream: string, deadId: string): Promise<boolean> {
  const found = await client.xrangeBuffer(keys.deadLetters(stream), deadId, deadId);
  const fields = found[0]?.[1];
  if (fields === undefined) return false;
  const { meta, own } = splitLetter(fields);
  const marker = markerOf(stream, String(meta[1]), own);
  if (marker !== undefined) await client.zadd(keys.done(stream, String(meta[2])), 'NX', passMark(Date.now()), marker);
  return (await client.xdel(keys.deadLetters(stream), deadId)) === 1;
}
