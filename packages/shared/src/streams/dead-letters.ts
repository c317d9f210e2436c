import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';
import { META, splitLetter } from './dead-letter-fields.js';

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
// The latest time that a Date can tell: an entry's id may be later.
const LATEST_MS = 8.64e15;

/**
 * Moves an entry to the dead letters of its stream and acknowledges it, in one MULTI: Redis takes both or none, so a
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
  if (why.forAll === true) {
    // The owner still has it pending until it is buried, so that the others may let go of it.
    const owner = await client.set(
      keys.deadLetterOwner(entry.stream, entry.id),
      entry.group,
      'EX',
      OWNER_TTL_SECONDS,
      'NX',
      'GET',
    );
    if (owner !== null && owner !== entry.group) {
      await client.xack(entry.stream, entry.group, entry.id);
      return true;
    }
  }
  const copied = () => copy(client, entry, why, at);
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
  const replies = await client
    .multi()
    // An array, not spread: more arguments than the stack holds would throw.
    .call('XADD', [keys.deadLetters(stream), '*', ...named, ...fields])
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
  // Another slot than the dead letters' in a cluster only if the braces were lost: keys.deadLetters keeps both together.
  const replies = await client
    .multi()
    .call('XADD', [stream, '*', ...own, ...identityOf(stream, String(meta[1]), own)])
    .xdel(keys.deadLetters(stream), deadId)
    .exec();
  const refused = replies?.find(([error]) => error !== null)?.[0];
  if (refused) throw refused;
  return String(replies?.[0]?.[1]);
}

// Flat fields have their identity from their entry: written again, they must keep it, and their age.
function identityOf(stream: string, id: string, own: readonly Buffer[]): string[] {
  const names = new Set(own.flatMap((field, index) => (index % 2 === 0 ? [field.toString()] : [])));
  if (names.has('event')) return [];
  const given = { id, source: stream, time: new Date(Math.min(Number.parseInt(id, 10) || 0, LATEST_MS)).toISOString() };
  return Object.entries(given).flatMap(([name, value]) => (names.has(name) ? [] : [name, value]));
}

/** Removes a dead letter for good. */
export async function dropDeadLetter(client: RedisClient, stream: string, deadId: string): Promise<boolean> {
  return (await client.xdel(keys.deadLetters(stream), deadId)) === 1;
}
