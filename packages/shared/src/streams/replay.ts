import { type Decoded, keys } from '../events/index.js';
import type { RedisClient } from './clients.js';
import { deadLettersOf, passMark } from './dead-letters.js';
import { isBefore, justBefore } from './entry-id.js';
import { readEntry } from './entry-reader.js';
import { seeStream } from './stream-sight.js';

/** What is replayed. */
export interface ReplayRange {
  /** First and last entry id, both included; `-` and `+` for the ends. */
  readonly from: string;
  readonly to: string;
  readonly wanted: (decoded: Decoded) => boolean;
}

/** What a replay into a group did, or would do. */
export interface Replayed {
  /** Entries that the group will handle again. */
  readonly again: number;
  /** Entries in the range that it has not read yet: it will, without any replay. */
  readonly unread: number;
  /** Whether entries before the range's beginning are gone by retention, so that the range may have had more. */
  readonly trimmed: boolean;
}

const PAGE = 500;

/** The entries of a range, oldest first. Rejects as Redis does. */
export async function* readRange(
  client: RedisClient,
  stream: string,
  from: string,
  to: string,
): AsyncGenerator<[string, string[]]> {
  for (let start = from; ; ) {
    const page = (await client.xrange(stream, start, to, 'COUNT', PAGE)) as [string, string[]][];
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    start = `(${last[0]}`;
  }
}

/**
 * Lets one group handle events again: its markers for them go, and its position goes back, in one MULTI. Nothing is written
 * to the stream, so that nobody else sees anything twice; entries in between that are not wanted are absorbed by their markers,
 * dead letters among them by markers that are made for them (a retry takes those away again).
 *
 * @param dryRun only counts
 * @throws Error NOGROUP where there is no such group
 */
export async function replayInto(
  client: RedisClient,
  stream: string,
  group: string,
  { from, to, wanted }: ReplayRange,
  dryRun = false,
): Promise<Replayed> {
  const known = (await seeStream(client, stream))?.groups.find((one) => one.group === group);
  if (known === undefined) throw new Error(`NOGROUP ${stream} has no group ${group}`);
  const markers: string[] = [];
  const asked = new Set<string>();
  let first: string | undefined;
  let again = 0;
  let unread = 0;
  for await (const [id, fields] of readRange(client, stream, from, to)) {
    const { decoded, marker } = readEntry(stream, id, fields);
    if (!wanted(decoded)) continue;
    if (isBefore(known.lastDelivered, id)) {
      unread += 1;
      continue;
    }
    first ??= id;
    again += 1;
    asked.add(id);
    if (marker !== undefined) markers.push(marker);
  }
  const facts = (await seeStream(client, stream))?.stream;
  const trimmed = facts !== undefined && facts.added > facts.length && (from === '-' || isBefore(from, facts.first));
  if (first !== undefined && !dryRun) {
    const back = client.multi();
    // What is a dead letter has no marker: on the way, it would be handled again.
    for (const { id, marker } of await deadLettersOf(client, stream, group))
      if (isBefore(first, id) && !asked.has(id)) back.zadd(keys.done(stream, group), 'NX', passMark(Date.now()), marker);
    for (let at = 0; at < markers.length; at += PAGE) back.zrem(keys.done(stream, group), ...markers.slice(at, at + PAGE));
    const replies = await back.xgroup('SETID', stream, group, justBefore(first)).exec();
    const refused = replies?.find(([error]) => error !== null)?.[0];
    if (refused) throw refused;
  }
  return { again, unread, trimmed };
}
