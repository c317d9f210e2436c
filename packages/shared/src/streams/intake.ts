import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';

/** New entries, and what Redis knew when it gave them. */
export interface Reading {
  readonly entries: readonly [string, string[] | null][];
  /** Whether another member has entries of the group: a frozen reader before us was given some, or one after us reads already. */
  readonly othersHold: boolean;
  /** How many entries the whole group has pending. */
  readonly pending: number;
}

/**
 * Reads what is new, and waits for it. What else must be known stands behind the read on the same connection, so that it is
 * answered in the moment of the read and costs no round trip of its own.
 *
 * @param most entries at most
 * @param blockMs how long it waits
 */
export async function readNew(
  blocking: RedisClient,
  { stream, group, consumer }: { stream: string; group: string; consumer: string },
  most: number,
  blockMs: number,
): Promise<Reading> {
  const [read, summary] = await ask(blocking, { stream, group, consumer }, most, blockMs);
  const owners = ((summary as unknown[])[3] ?? []) as [string, string][];
  return {
    entries: (read as [string, [string, string[] | null][]][] | null)?.[0]?.[1] ?? [],
    pending: Number((summary as unknown[])[0]),
    othersHold: owners.some(([owner]) => owner !== consumer),
  };
}

// Two commands given together are written together; a pipeline would only add its own making, and at a low rate every event pays for
// it. Through a Cluster's redirections only a pipeline keeps their order.
async function ask(
  blocking: RedisClient,
  { stream, group, consumer }: { stream: string; group: string; consumer: string },
  most: number,
  blockMs: number,
): Promise<readonly unknown[]> {
  if (!blocking.isCluster)
    return Promise.all([
      blocking.xreadgroup('GROUP', group, consumer, 'COUNT', most, 'BLOCK', blockMs, 'STREAMS', stream, '>'),
      blocking.xpending(stream, group),
    ]);
  const replies = await blocking
    .pipeline()
    .xreadgroup('GROUP', group, consumer, 'COUNT', most, 'BLOCK', blockMs, 'STREAMS', stream, '>')
    .xpending(stream, group)
    .exec();
  const refused = replies?.find(([error]) => error !== null)?.[0];
  if (refused) throw refused;
  return (replies ?? []).map(([, reply]) => reply);
}

/** What Redis knows at one moment, asked in one round trip before a batch is begun. */
export interface Inspection {
  /** Who holds the lease. */
  readonly holder: string | null;
  /** How many entries the whole group has pending, whoever owns them. */
  readonly pending: number;
  /** Those of the markers whose events the group is done with. */
  readonly done: ReadonlySet<string>;
}

/** Asks who holds the lease, how much is pending, and which of these events the group is done with. Rejects as Redis does. */
export async function inspect(
  client: RedisClient,
  stream: string,
  group: string,
  markers: readonly string[],
): Promise<Inspection> {
  // A pipeline, not single commands: it goes out now, behind the acknowledgements that were sent before.
  const pipeline = client.pipeline().get(keys.lease(stream, group)).xpending(stream, group);
  if (markers.length > 0) pipeline.zmscore(keys.done(stream, group), ...markers);
  const replies = (await pipeline.exec()) ?? [];
  const refused = replies.find(([error]) => error !== null)?.[0];
  if (refused) throw refused;
  const [holder, summary, scores] = replies.map(([, reply]) => reply);
  return {
    holder: holder as string | null,
    pending: Number((summary as unknown[])[0]),
    done: new Set(markers.filter((_marker, index) => (scores as unknown[])[index] !== null)),
  };
}

/** An entry of the group that this member does not have in hand: of a dead member, or given by Redis in a reply that was lost. */
export interface Stray {
  readonly id: string;
  /** How often it was delivered before. */
  readonly deliveries: number;
  /** Undefined where the body is gone. */
  readonly fields: readonly string[] | undefined;
}

const PAGE = 1000;

/**
 * Takes over pending entries, oldest first, whoever owns them: only the holder of the lease may do so. Their delivery
 * count stays: it goes up when one is begun, so that what merely lay beside a deadly entry is not blamed for it.
 *
 * @param most how many at most
 */
export async function takeStrays(
  { client, stream, group, consumer }: { client: RedisClient; stream: string; group: string; consumer: string },
  inHand: (id: string) => boolean,
  most: number,
): Promise<Stray[]> {
  const found: { id: string; deliveries: number }[] = [];
  // The cursor is followed: entries in hand at the head must not hide one behind them.
  for (let from = '-'; found.length < most; ) {
    const page = (await client.xpending(stream, group, from, '+', PAGE)) as [string, string, number, number][];
    for (const [id, , , deliveries] of page) if (!inHand(id)) found.push({ id, deliveries: Number(deliveries) });
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined) break;
    from = `(${last[0]}`;
  }
  const wanted = found.slice(0, most);
  const bodies = new Map<string, readonly string[]>();
  for (const deliveries of new Set(wanted.map((one) => one.deliveries))) {
    const ids = wanted.filter((one) => one.deliveries === deliveries).map(({ id }) => id);
    const claimed = (await claim(client, { stream, group, consumer }, ids, ['RETRYCOUNT', deliveries])) as (
      | [string, string[] | null]
      | null
    )[];
    for (const entry of claimed) if (entry?.[1]) bodies.set(entry[0], entry[1]);
  }
  const gone = await goneFrom(
    client,
    stream,
    wanted.flatMap(({ id }) => (bodies.has(id) ? [] : [id])),
  );
  const taken = wanted.flatMap(({ id, deliveries }) => {
    const fields = bodies.get(id);
    return fields === undefined && !gone.has(id) ? [] : [{ id, deliveries, fields }];
  });
  // None of them was left: there may be more behind them.
  return taken.length === 0 && wanted.length > 0 ? takeStrays({ client, stream, group, consumer }, inHand, most) : taken;
}

// Not claimed, and in the stream: acknowledged since the look, by a write that the network or a frozen reader held up. That is no loss.
async function goneFrom(client: RedisClient, stream: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await Promise.all(ids.map((id) => client.xrange(stream, id, id)));
  return new Set(ids.filter((_id, index) => found[index]?.length === 0));
}

/** XCLAIM of entries of the group, whoever owns them and however lately. */
export function claim(
  client: RedisClient,
  { stream, group, consumer }: { stream: string; group: string; consumer: string },
  ids: readonly string[],
  options: readonly (string | number)[],
): Promise<unknown> {
  const rest: (string | number)[] = [...ids, ...options];
  return client.call('xclaim', stream, group, consumer, 0, ...rest);
}
