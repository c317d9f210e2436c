import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';

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
const META = 'ops-dead-';

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
  const found = await client.xrangeBuffer(entry.stream, entry.id, entry.id);
  const fields = found[0]?.[1] ?? [];
  const meta: string[] = [
    [`${META}stream`, entry.stream],
    [`${META}id`, entry.id],
    [`${META}group`, entry.group],
    [`${META}type`, entry.type ?? ''],
    [`${META}code`, found.length === 0 ? 'trimmed' : why.code],
    [`${META}reasons`, JSON.stringify(why.reasons)],
    [`${META}attempts`, String(why.attempts)],
    [`${META}at`, at],
  ].flat();
  const replies = await client
    .multi()
    .xadd(keys.deadLetters(entry.stream), '*', ...meta, ...fields)
    .xack(entry.stream, entry.group, entry.id)
    .exec();
  const refused = replies?.find(([error]) => error !== null)?.[0];
  if (refused) throw refused;
  if (replies === null) throw new Error('EXECABORT the dead letter was not taken');
  return found.length > 0;
}

/** A dead letter as it is listed. */
export interface DeadLetter {
  readonly deadId: string;
  readonly stream: string;
  readonly id: string;
  readonly group: string;
  readonly type: string;
  readonly code: string;
  readonly reasons: readonly string[];
  readonly attempts: number;
  readonly at: string;
  readonly fields: readonly string[];
}

/** The dead letters of a stream, oldest first. */
export async function listDeadLetters(client: RedisClient, stream: string, most = 100): Promise<DeadLetter[]> {
  const entries = await client.xrange(keys.deadLetters(stream), '-', '+', 'COUNT', most);
  return entries.map(([deadId, fields]) => parseDeadLetter(stream, deadId, fields));
}

/** One dead letter, or undefined. */
export async function readDeadLetter(client: RedisClient, stream: string, deadId: string): Promise<DeadLetter | undefined> {
  const [entry] = await client.xrange(keys.deadLetters(stream), deadId, deadId);
  return entry === undefined ? undefined : parseDeadLetter(stream, entry[0], entry[1]);
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
  const own = fields.flatMap((field, index) =>
    index % 2 === 0 && !field.toString().startsWith(META) ? [field, fields[index + 1] ?? Buffer.alloc(0)] : [],
  );
  if (own.length === 0) return undefined;
  // Another slot than the dead letters' in a cluster only if the braces were lost: keys.deadLetters keeps both together.
  const replies = await client
    .multi()
    .xadd(stream, '*', ...own, ...identityOf(parseDeadLetter(stream, deadId, fields.map(String))))
    .xdel(keys.deadLetters(stream), deadId)
    .exec();
  const refused = replies?.find(([error]) => error !== null)?.[0];
  if (refused) throw refused;
  return String(replies?.[0]?.[1]);
}

// Flat fields have their identity from their entry: written again, they must keep it, and their age.
function identityOf({ stream, id, fields }: DeadLetter): string[] {
  const names = new Set(fields.filter((_text, index) => index % 2 === 0));
  if (names.has('event')) return [];
  const given = { id, source: stream, time: new Date(Number.parseInt(id, 10)).toISOString() };
  return Object.entries(given).flatMap(([name, value]) => (names.has(name) ? [] : [name, value]));
}

/** Removes a dead letter for good. */
export async function dropDeadLetter(client: RedisClient, stream: string, deadId: string): Promise<boolean> {
  return (await client.xdel(keys.deadLetters(stream), deadId)) === 1;
}

function parseDeadLetter(stream: string, deadId: string, fields: readonly string[]): DeadLetter {
  const meta: Record<string, string> = Object.create(null);
  const own: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const key = fields[index] ?? '';
    const value = fields[index + 1] ?? '';
    if (key.startsWith(META)) meta[key.slice(META.length)] = value;
    else own.push(key, value);
  }
  return {
    deadId,
    stream,
    id: meta.id ?? '',
    group: meta.group ?? '',
    type: meta.type ?? '',
    code: meta.code ?? '',
    reasons: parseReasons(meta.reasons),
    attempts: Number(meta.attempts ?? 0),
    at: meta.at ?? '',
    fields: own,
  };
}

function parseReasons(text: string | undefined): string[] {
  try {
    const reasons: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(reasons) ? reasons.map(String) : [];
  } catch {
    return [];
  }
}
