import { setTimeout as wait } from 'node:timers/promises';
import type { RedisClient } from './clients.js';
import { isBefore } from './entry-id.js';
import { isUnavailable } from './errors.js';
import { streamFacts } from './groups.js';

/** An entry of a stream, as it lies there. */
export interface TailedEntry {
  readonly stream: string;
  readonly id: string;
  readonly fields: readonly string[];
}

export interface TailOptions {
  /** A connection of its own: the tail blocks on it. */
  readonly client: RedisClient;
  readonly streams: readonly string[];
  /** Where to begin: an id (after it), or `$` for what comes from now on. */
  readonly from: string;
  /** Ends the tail. */
  readonly signal?: AbortSignal;
  /** Told when Redis is away and when it is back, and when a stream ends before the place where we were. */
  readonly onNotice?: (line: string) => void;
}

const COUNT = 200;
const BLOCK_MS = 2000;
const CLUSTER_PAUSE_MS = 250;

type Reply = [string, [string, string[]][]][] | null;

/**
 * Follows streams without a group, oldest entry first. It outlives a Redis that goes away. After a failover the new master may
 * end before the place where the tail was: a cursor past the end would skip what comes next, so it goes back to the end.
 */
export class StreamTail {
  readonly #options: TailOptions;
  readonly #cursors = new Map<string, string>();

  constructor(options: TailOptions) {
    this.#options = options;
  }

  /** What is there after the cursors; an empty list where there is nothing. Rejects as Redis does. */
  async read(): Promise<TailedEntry[]> {
    await this.#begin();
    return this.#xread(false);
  }

  /** What comes, batch by batch, until the signal aborts. */
  async *follow(): AsyncGenerator<readonly TailedEntry[]> {
    const { signal, onNotice } = this.#options;
    let away = false;
    while (!signal?.aborted) {
      try {
        await this.#begin();
        const entries = await this.#xread(true);
        if (away) onNotice?.('Redis is back');
        // Nothing came, or the connection was another one: the place must still be one of this server.
        if (away || entries.length === 0) await this.#rewind();
        away = false;
        if (entries.length > 0) yield entries;
      } catch (error) {
        if (signal?.aborted) return;
        if (!isUnavailable(error)) throw error;
        if (!away) onNotice?.('Redis does not answer, waiting for it');
        away = true;
        await wait(500, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
      }
    }
  }

  async #begin(): Promise<void> {
    const { client, streams, from } = this.#options;
    for (const stream of streams) {
      if (this.#cursors.has(stream)) continue;
      const last = (await streamFacts(client, stream))?.last ?? '0-0';
      // A stream that has been quiet since then ends before it, and that is nothing to speak of.
      this.#cursors.set(stream, from === '$' || isBefore(last, from) ? last : from);
    }
  }

  async #xread(block: boolean): Promise<TailedEntry[]> {
    const { client, signal } = this.#options;
    // The streams of a Cluster lie on several masters: each is asked, and none waits for the others.
    const rounds = client.isCluster ? [...this.#cursors.keys()].map((stream) => [stream]) : [[...this.#cursors.keys()]];
    const replies = await Promise.all(
      rounds.map((streams) => {
        const cursors = streams.map((stream) => this.#cursors.get(stream) ?? '0-0');
        const waiting = block && !client.isCluster ? ['BLOCK', BLOCK_MS] : [];
        // In small letters: ioredis (6.0.0) knows by that name how the reply of RESP3 is shaped.
        return client.call('xread', 'COUNT', COUNT, ...waiting, 'STREAMS', ...streams, ...cursors) as Promise<Reply>;
      }),
    );
    const entries = replies.flatMap((reply) =>
      (reply ?? []).flatMap(([stream, found]) => found.map(([id, fields]) => ({ stream, id, fields }))),
    );
    if (block && client.isCluster && entries.length === 0)
      await wait(CLUSTER_PAUSE_MS, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    for (const { stream, id } of entries) this.#cursors.set(stream, id);
    return entries.sort((a, b) => (isBefore(a.id, b.id) ? -1 : 1));
  }

  async #rewind(): Promise<void> {
    const { client, onNotice } = this.#options;
    for (const [stream, cursor] of this.#cursors) {
      const last = (await streamFacts(client, stream))?.last ?? '0-0';
      if (!isBefore(last, cursor)) continue;
      this.#cursors.set(stream, last);
      onNotice?.(`${stream} ends at ${last}, before ${cursor}: it is another server's, or was emptied; going on from there`);
    }
  }
}
