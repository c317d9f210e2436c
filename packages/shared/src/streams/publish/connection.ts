import { Redis } from 'ioredis';
import type { RedisClient } from '../clients.js';

/**
 * A connection of the publisher's own, which never sends anything twice. ioredis resends what was in flight when a
 * connection breaks, and a stored event would be stored again; with `autoResendUnfulfilledCommands` off its promise
 * never settles (6.0.0) as long as the client reconnects. So this client does not: it ends with its connection, which
 * rejects whatever was in flight, and the next use opens another one. A Cluster's client is used as it is: it sends a write
 * again when its master changes, and the event's id absorbs the double.
 */
export class PublishConnection {
  readonly #client: RedisClient;
  readonly #answerMs: number;
  #current: { readonly redis: Redis; readonly ready: Promise<Redis> } | undefined;

  /**
   * @param client whose address and user it has
   * @param answerMs how long one answer is waited for
   */
  constructor(client: RedisClient, answerMs: number) {
    this.#client = client;
    this.#answerMs = answerMs;
  }

  /** The open connection, or a new one. Rejects when there is none within the time. */
  get(): Promise<RedisClient> {
    const client = this.#client;
    if (!(client instanceof Redis)) return Promise.resolve(client);
    if (this.#current === undefined) {
      const redis = this.#make(client);
      this.#current = { redis, ready: this.#connect(redis) };
    }
    return this.#current.ready;
  }

  /**
   * Waits for an answer on a connection from `get`. Past the time (plus `extraMs`, where Redis waits for something
   * itself) the connection is taken for dead and closed: a half-open socket would stay open for minutes.
   */
  async answer<T>(redis: RedisClient, reply: Promise<T>, extraMs = 0): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, fail) => {
      const ms = this.#answerMs + extraMs;
      timer = setTimeout(() => {
        fail(new Error(`no answer within ${ms} ms`));
        this.#drop(redis);
      }, ms);
    });
    try {
      return await Promise.race([reply, late]);
    } catch (error) {
      // Who is no longer the master says so for ever: the next connection may lead to the one that is.
      if (error instanceof Error && /^(READONLY|MASTERDOWN)/.test(error.message)) this.#drop(redis);
      throw error;
    } finally {
      clearTimeout(timer);
      // Dropped, it rejects once more: that is known already.
      reply.catch(() => undefined);
    }
  }

  close(): void {
    if (this.#current !== undefined) this.#drop(this.#current.redis);
  }

  #make(client: Redis): Redis {
    const redis = client.duplicate({
      lazyConnect: true,
      retryStrategy: () => null,
      reconnectOnError: null,
      autoResendUnfulfilledCommands: false,
      // What is not connected yet must not be kept and sent later.
      enableOfflineQueue: false,
      enableReadyCheck: false,
      enableAutoPipelining: false,
      connectTimeout: this.#answerMs,
      // The closing of a dead peer is never answered.
      disconnectTimeout: 100,
    });
    // Deadlines are ours: a command that timed out would leave the dead connection in use.
    delete redis.options.commandTimeout;
    delete redis.options.socketTimeout;
    redis.once('end', () => this.#forget(redis));
    return redis;
  }

  async #connect(redis: Redis): Promise<Redis> {
    let why: unknown;
    redis.on('error', (error) => {
      why ??= error;
    });
    try {
      await this.answer(redis, redis.connect());
      return redis;
    } catch (error) {
      this.#drop(redis);
      // `Connection is closed` hides the reason, which came as an event.
      throw why ?? error;
    }
  }

  #drop(redis: RedisClient): void {
    if (!(redis instanceof Redis)) return;
    this.#forget(redis);
    redis.disconnect();
  }

  #forget(redis: Redis): void {
    if (this.#current?.redis === redis) this.#current = undefined;
  }
}
