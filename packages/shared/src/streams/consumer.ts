import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { keys } from '../events/index.js';
import { evenPause } from '../schedule/even-pause.js';
import type { RedisClient } from './clients.js';
import { consumerMetrics } from './consumer-metrics.js';
import type { EntryReader } from './entry-reader.js';
import type { RunnerOptions } from './entry-runner.js';
import { isUnavailable } from './errors.js';
import { ensureGroup, removeConsumerIfEmpty } from './groups.js';
import { ReadingLease } from './lease.js';
import { ReadingTerm } from './reading-term.js';
import { type Loss, noteUnread } from './unread.js';

export interface ConsumerOptions extends RunnerOptions {
  readonly client: RedisClient;
  /** A connection of its own: a blocking read holds up everything else on its connection. */
  readonly blocking: RedisClient;
  /** This member of the group: unique among the living. */
  readonly consumer: string;
  /** Entries in hand at once; no more are read than can be started. */
  readonly concurrency: number;
  /** After this silence (ms) another member reads in its place. */
  readonly leaseMs: number;
  /** How long it is remembered that an event is done (ms): longer than the streams keep their entries. */
  readonly doneTtlMs: number;
  readonly metrics: Registry;
  /** Shared by the consumers of a process: services read the same entries. */
  readonly reader: EntryReader;
}

const FORGET_EVERY_MS = 60_000;
const LOOP_END_MS = 500;

/**
 * Reads one stream for one group, for ever. One member of the group reads at a time, by a lease; the others stand by.
 * states: standing by → reading → (lease lost) → standing by; draining → ended
 */
export class StreamConsumer {
  readonly #options: ConsumerOptions;
  readonly #lease: ReadingLease;
  readonly #metrics;
  readonly #stop = new AbortController();
  #term: ReadingTerm | undefined;
  #loop: Promise<void> = Promise.resolve();
  #renewing: NodeJS.Timeout | undefined;
  #forgetting: NodeJS.Timeout | undefined;
  #standsBy = false;
  #drains = false;
  #connection = 0;
  #reads = false;
  /** Losses that are not counted in Redis yet: one that was sent, perhaps in vain, and entries after it. */
  #noting: Loss | undefined;
  #unnoted = 0;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#lease = new ReadingLease({ ...options, monotonic: () => performance.now() });
    this.#metrics = consumerMetrics(options.metrics, options.stream, options.group);
    options.blocking.on('close', () => {
      this.#connection += 1;
    });
  }

  /** Makes the group and begins to read, or to stand by. */
  async start(): Promise<void> {
    const { client, stream, group } = this.#options;
    await ensureGroup(client, stream, group);
    this.#forgetting = setInterval(() => void this.#forget().catch(() => undefined), FORGET_EVERY_MS);
    this.#renewLater();
    this.#loop = this.#run();
  }

  /** Whether the stream is being read, or another member does; false while a connection is lost, or a read has failed. */
  get reading(): boolean {
    const { blocking, client } = this.#options;
    // A client that reconnects holds the read back for as long as it takes, and says nothing of it.
    if (client.status !== 'ready') return false;
    return this.#standsBy || (this.#reads && blocking.status === 'ready');
  }

  /**
   * Stops reading, lets started entries finish within the deadline (ms), gives the others back, and leaves the group if
   * nothing is left to it. Entries past the deadline stay pending: the next reader takes them over at once.
   */
  async drain(deadlineMs: number): Promise<void> {
    const { blocking, client, stream, group } = this.#options;
    this.#stop.abort();
    this.#drains = true;
    this.#term?.end();
    // What the cut read was given all the same is pending, and the next reader's.
    blocking.disconnect();
    await this.#term?.finish(deadlineMs);
    // A Cluster client that was disconnected may leave a command without any answer (ioredis 6.0.0): the end does not wait for it.
    await Promise.race([this.#loop, wait(LOOP_END_MS, undefined, { ref: false })]);
    clearTimeout(this.#renewing);
    clearInterval(this.#forgetting);
    if (client.status !== 'ready') return;
    for (const reader of this.#term?.readers ?? [])
      await removeConsumerIfEmpty(client, stream, group, reader).catch(() => undefined);
    // Its position is saved past what it lost: nobody finds that again.
    await this.#noteLost().catch(() => undefined);
    await this.#lease.release().catch(() => undefined);
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        this.#standsBy = (await this.#lease.renew()) === 'other';
        if (this.#standsBy) {
          await this.#pause(this.#options.leaseMs / 3);
          continue;
        }
        await ensureGroup(this.#options.client, this.#options.stream, this.#options.group);
        await this.#options.blocking.ping();
        await this.#lead(() => {
          failures = 0;
        });
      } catch (error) {
        this.#reads = false;
        if (this.#stop.signal.aborted) return;
        failures += 1;
        await this.#recover(error, failures);
      }
    }
  }

  async #lead(onRead: () => void): Promise<void> {
    const { log, stream, group } = this.#options;
    const term = new ReadingTerm({
      ...this.#options,
      lease: this.#lease,
      connection: () => this.#connection,
      onOutcome: this.#metrics.outcome,
      onRead: () => {
        onRead();
        this.#metrics.read(this.#options.now());
      },
      onLost: (entries) => void this.#tellLost(entries),
    });
    this.#term = term;
    this.#reads = true;
    for (let failures = 0; !term.ended; ) {
      try {
        await term.run();
      } catch (error) {
        if (term.ended) break;
        this.#reads = false;
        failures += 1;
        await this.#recover(error, failures);
        // A read may block for seconds before it tells that its connection works.
        this.#reads = await this.#options.blocking.ping().then(
          () => true,
          () => false,
        );
      }
    }
    this.#reads = false;
    if (this.#stop.signal.aborted) return;
    log.warn({ stream, group }, 'another member may read the stream now');
    await term.finish(this.#options.leaseMs);
  }

  // The readers of a process renew together: one write, one answer.
  #renewLater(): void {
    const renew = () => {
      this.#renewLater();
      void this.#renew();
    };
    this.#renewing = setTimeout(renew, evenPause(this.#options.leaseMs / 3, performance.now()));
  }

  async #renew(): Promise<void> {
    const term = this.#term;
    // Also while it drains: what is still running must not be begun by somebody else.
    if (term === undefined || (term.ended && !this.#drains)) return;
    try {
      if ((await this.#lease.renew(term.settledUpTo)) !== 'kept') term.end();
      else await Promise.all([term.keepAlive(), this.#noteLost()]);
    } catch (error) {
      if (!isUnavailable(error)) this.#options.log.warn({ stream: this.#options.stream, error }, 'the lease was not renewed');
    }
  }

  async #forget(): Promise<void> {
    const { client, stream, group, now, doneTtlMs } = this.#options;
    if (this.#lease.held) await client.zremrangebyscore(keys.done(stream, group), '-inf', now() - doneTtlMs);
  }

  async #tellLost(entries: number): Promise<void> {
    const { stream, group, log } = this.#options;
    log.error({ stream, group, entries }, 'entries went from the stream before the group had read them');
    this.#metrics.lost(entries);
    // What Redis does not take is counted with the next loss, or when the lease is renewed.
    this.#unnoted += entries;
    await this.#noteLost().catch(() => undefined);
  }

  async #noteLost(): Promise<void> {
    const { client, stream, group, now } = this.#options;
    if (this.#noting === undefined) {
      if (this.#unnoted === 0) return;
      this.#noting = { id: randomUUID(), entries: this.#unnoted };
      this.#unnoted = 0;
    }
    const loss = this.#noting;
    await noteUnread(client, stream, group, loss, now());
    if (this.#noting === loss) this.#noting = undefined;
    // What was found meanwhile.
    if (this.#unnoted > 0) await this.#noteLost();
  }

  async #recover(error: unknown, failures: number): Promise<void> {
    const { client, stream, group, log } = this.#options;
    const message = error instanceof Error ? error.message : String(error);
    if (failures === 1) log.warn({ stream, group, error }, 'cannot read the stream, trying again');
    await this.#pause(Math.min(50 * 2 ** Math.min(failures, 7), 5000));
    if (this.#stop.signal.aborted || !/^(NOGROUP|UNBLOCKED)/.test(message)) return;
    await ensureGroup(client, stream, group).catch((cause: unknown) => {
      if (!isUnavailable(cause)) log.error({ stream, group, error: cause }, 'cannot repair the group');
    });
  }

  async #pause(ms: number): Promise<void> {
    await wait(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}
