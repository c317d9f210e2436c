import { keys } from '../../events/index.js';
import type { RedisClient } from '../clients.js';
import { NotReplicatedError } from '../errors.js';
import type { PublishConnection } from './connection.js';
import { store } from './store-script.js';

export interface StreamWriterOptions {
  readonly connection: PublishConnection;
  /** For what replicas must confirm: their silence must hold up nobody else. */
  readonly confirming: PublishConnection;
  /** Unique among the living; the same after a restart if it may have left something unfinished. */
  readonly writer: string;
  /** The writer has had a life before this process. */
  readonly restarted: boolean;
  /** Stream → the id after which what that life wrote, and may not know of, begins. */
  readonly marks: Readonly<Record<string, string>>;
  /** Told before the first write to a stream after which id it comes; awaited. */
  readonly began: (stream: string, last: string) => Promise<void>;
  /** Replicas that must confirm, and how long that is waited for, in ms. */
  readonly minReplicas: number;
  /** It must be on the disk, of the master and of these replicas. */
  readonly confirmDisk: boolean;
  readonly replicaTimeoutMs: number;
}

interface Known {
  /** What this publisher wrote last and knows of, or the last entry that it found; what it does not know of is behind. */
  last: string;
  epoch: string;
  /** A write was sent and not answered: it may be in the stream, on its way, or lost. */
  uncertain: boolean;
}

const EPOCH_SECONDS = 86_400;
const PAGE = 500;

/** Writes batches to streams, each event once, also when answers are lost. One call a stream at a time. */
export class StreamWriter {
  readonly #options: StreamWriterOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: StreamWriterOptions) {
    this.#options = options;
  }

  /** Stream → the last id that is known to be before everything unknown, of the streams that were written. */
  lasts(): Record<string, string> {
    return Object.fromEntries([...this.#known].map(([stream, { last }]) => [stream, last]));
  }

  /**
   * Stores the events in order, all or none, and without those that an unanswered write has stored already.
   * Rejects with what Redis or the connection said, and with BUS_NOT_REPLICATED when they are stored and too few replicas
   * have confirmed.
   */
  async write(stream: string, texts: readonly string[], confirm: boolean): Promise<void> {
    const { confirming, connection, minReplicas, confirmDisk } = this.#options;
    const confirmed = confirm && (minReplicas > 0 || confirmDisk);
    const used = confirmed ? confirming : connection;
    const redis = await used.get();
    const known = this.#known.get(stream) ?? (await this.#begin(used, redis, stream));
    const { last, uncertain } = known;
    const missing = uncertain ? await this.#missing(used, redis, stream, known, texts) : texts;
    if (missing.length > 0) await this.#store(used, redis, stream, known, missing);
    if (!confirmed) return;
    try {
      await this.#awaitConfirmation(used, redis);
    } catch (error) {
      // Stored and not confirmed: what comes again, from the spool or the caller, is looked for first.
      Object.assign(known, { last, uncertain: true });
      throw error;
    }
  }

  async #store(
    used: PublishConnection,
    redis: RedisClient,
    stream: string,
    known: Known,
    texts: readonly string[],
  ): Promise<void> {
    known.uncertain = true;
    try {
      known.last = await used.answer(redis, store(redis, this.#keysOf(stream), known.epoch, texts));
      known.uncertain = false;
    } catch (error) {
      // Redis says no before the script's first write: then nothing is stored.
      if (isRefusal(error)) known.uncertain = false;
      throw error;
    }
  }

  // Before the first write: afterwards it could not be told any more where an unanswered one begins.
  async #begin(used: PublishConnection, redis: RedisClient, stream: string): Promise<Known> {
    const { restarted, marks, began } = this.#options;
    const mark = marks[stream];
    const epoch = restarted ? await this.#nextEpoch(used, redis, stream) : '0';
    const last = mark ?? (await used.answer(redis, redis.xrevrange(stream, '+', '-', 'COUNT', 1)))[0]?.[0] ?? '0-0';
    if (mark === undefined) await began(stream, last);
    const known = { last, epoch, uncertain: mark !== undefined };
    this.#known.set(stream, known);
    return known;
  }

  // First the fence, then the look: what is not there now cannot come any more.
  async #missing(
    used: PublishConnection,
    redis: RedisClient,
    stream: string,
    known: Known,
    texts: readonly string[],
  ): Promise<readonly string[]> {
    known.epoch = await this.#nextEpoch(used, redis, stream);
    const wanted = new Set(texts);
    const found = new Set<string>();
    let after = known.last;
    for (;;) {
      const page = await used.answer(redis, redis.xrange(stream, `(${after}`, '+', 'COUNT', PAGE));
      for (const [, fields] of page) {
        // The text has the event's id in it: the same text is the same event.
        const text = fields[1];
        if (text !== undefined && wanted.has(text)) found.add(text);
      }
      const end = page.at(-1)?.[0];
      if (end === undefined || page.length < PAGE) break;
      after = end;
    }
    // All of them found: more of the unanswered write may come with the next batch, so the mark stays.
    return texts.filter((text) => !found.has(text));
  }

  async #nextEpoch(used: PublishConnection, redis: RedisClient, stream: string): Promise<string> {
    const key = this.#keysOf(stream).epochs;
    const epoch = await used.answer(redis, redis.incr(key));
    await used.answer(redis, redis.expire(key, EPOCH_SECONDS));
    return String(epoch);
  }

  async #awaitConfirmation(used: PublishConnection, redis: RedisClient): Promise<void> {
    const { minReplicas, confirmDisk, replicaTimeoutMs } = this.#options;
    let answer: readonly [disk: number, replicas: number];
    try {
      // Both speak of the writes of their own connection, and there was one: the batch, or the fence behind it.
      const asked = confirmDisk
        ? (redis.call('WAITAOF', 1, minReplicas, replicaTimeoutMs) as Promise<[number, number]>)
        : redis.wait(minReplicas, replicaTimeoutMs).then((replicas) => [1, replicas] as const);
      answer = await used.answer<readonly [number, number]>(redis, asked, replicaTimeoutMs);
    } catch (cause) {
      throw new NotReplicatedError({ wanted: minReplicas, confirmed: 0 }, cause);
    }
    const [disk, confirmed] = answer;
    if (disk < 1 || confirmed < minReplicas)
      throw new NotReplicatedError({ wanted: minReplicas, confirmed, ...(confirmDisk ? { disk: disk >= 1 } : {}) });
  }

  #keysOf(stream: string): { stream: string; epochs: string } {
    return { stream, epochs: keys.publisherEpoch(stream, this.#options.writer) };
  }
}

/** Whether Redis itself has answered, and so has done nothing. A fence tells of another write, which is not known. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError' && !error.message.startsWith('FENCED');
}
