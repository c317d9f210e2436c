import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';
import { splitLetter } from './dead-letter-fields.js';

/** A dead letter as it is shown. */
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
  /** How much it is in all: an entry may have been dead because it was too large. */
  readonly size: { readonly fields: number; readonly bytes: number };
  /** The first of its fields, long names and values cut. */
  readonly fields: readonly string[];
}

const MOST_PAIRS = 50;
const LONGEST_TEXT = 2000;
// So many are in memory at once, whole: each may be as large as Redis takes.
const PAGE = 4;

/** The dead letters of a stream, oldest first. */
export async function listDeadLetters(client: RedisClient, stream: string, most = 100): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for (let from = '-'; letters.length < most; ) {
    const count = Math.min(PAGE, most - letters.length);
    const page = await client.xrange(keys.deadLetters(stream), from, '+', 'COUNT', count);
    letters.push(...page.map(([deadId, fields]) => shownLetter(stream, deadId, fields)));
    const last = page.at(-1);
    if (last === undefined || page.length < count) break;
    from = `(${last[0]}`;
  }
  return letters;
}

/** One dead letter, or undefined. */
export async function readDeadLetter(client: RedisClient, stream: string, deadId: string): Promise<DeadLetter | undefined> {
  const [entry] = await client.xrange(keys.deadLetters(stream), deadId, deadId);
  return entry === undefined ? undefined : shownLetter(stream, entry[0], entry[1]);
}

function shownLetter(stream: string, deadId: string, fields: readonly string[]): DeadLetter {
  const { meta, own } = splitLetter(fields);
  const [, id = '', group = '', type = '', code = '', reasons, attempts = '0', at = ''] = meta;
  return {
    deadId,
    stream,
    id,
    group,
    type,
    code,
    reasons: parseReasons(reasons),
    attempts: Number(attempts),
    at,
    size: { fields: own.length / 2, bytes: own.reduce((sum, text) => sum + Buffer.byteLength(text), 0) },
    fields: own.slice(0, MOST_PAIRS * 2).map(shortened),
  };
}

function shortened(text: string): string {
  if (text.length <= LONGEST_TEXT) return text;
  return `${text.slice(0, LONGEST_TEXT)}… (${text.length} characters)`;
}

function parseReasons(text: string | undefined): string[] {
  try {
    const reasons: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(reasons) ? reasons.map(String) : [];
  } catch {
    return [];
  }
}
