import { setTimeout as wait } from 'node:timers/promises';
import { Counter, Gauge, type Registry } from 'prom-client';
import { decodeEntry } from '../events/index.js';
import type { RedisClient } from './clients.js';
import { BLOCK_MS } from './clients.js';
import { type Delivery, type Outcome, type RunnerOptions, runEntry } from './entry-runner.js';
import { isUnavailable } from './errors.js';
import { ensureGroup, removeConsumerIfEmpty, removeGoneConsumers } from './groups.js';
import { Lanes } from './lanes.js';

export interface ConsumerOptions extends RunnerOptions {
  /** A connection of its own: a blocking read holds up everything else on its connection. */
  readonly blocking: RedisClient;
  /** This member of the group: unique among the living. */
  readonly consumer: string;
  /** Entries in hand at once; no more are read than can be started. */
  readonly concurrency: number;
  /** An entry that its consumer has not touched for this long (ms) is claimed by another one. */
  readonly minIdleMs: number;
  /** A member that has asked for nothing for this long (ms) and owns nothing is taken off the list. */
  readonly goneAfterMs: number;
  readonly metrics: Registry;
}

/**
 * Reads one stream for one group, for ever: claims what a dead member left behind, then what is new; keeps the entries
 * in hand alive (JUSTID heartbeat); repairs a lost group; gives back on drain what was not started.
 */
export class StreamConsumer {
  readonly #options: ConsumerOptions;
  readonly #stop = new AbortController();
  readonly #abandon = new AbortController();
  readonly #lanes = new Lanes();
  readonly #inHand = new Map<string, { delivery: Delivery; state: 'waiting' | 'running' | 'ended' }>();
  readonly #outcomes: Counter<'stream' | 'group' | 'outcome'>;
  readonly #lastRead: Gauge<'stream' | 'group'>;
  #slotFreed: () => void = () => undefined;
  #loop: Promise<void> = Promise.resolve();
  #heartbeat: NodeJS.Timeout | undefined;
  #claimCursor = '0-0';
  #nextSweep = 0;
  #reading = false;
  #blockingId: number | undefined;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#outcomes = counter(options.metrics);
    this.#lastRead = gauge(options.metrics);
    options.blocking.on('ready', () => void this.#learnBlockingId());
  }

  /** Makes the group and begins to read. */
  async start(): Promise<void> {
    const { client, stream, group, minIdleMs } = this.#options;
    await ensureGroup(client, stream, group);
    this.#heartbeat = setInterval(() => void this.#keepAlive(), minIdleMs / 3);
    this.#loop = this.#run();
  }

  /** Whether the stream is being read; false while a connection is lost, or a read has failed. */
  get reading(): boolean {
    const { blocking, client } = this.#options;
    // A client that reconnects holds the read back for as long as it takes, and says nothing of it.
    return this.#reading && blocking.status === 'ready' && client.status === 'ready';
  }

  /**
   * Stops reading, lets started entries finish within the deadline (ms), gives the others back, and leaves the group if
   * nothing is left to it. Entries past the deadline stay pending: another member claims them.
   */
  async drain(deadlineMs: number): Promise<void> {
    this.#stop.abort();
    this.#slotFreed();
    await this.#endRead();
    const deadline = this.#options.now() + deadlineMs;
    while (this.#isRunning() && this.#options.now() < deadline) await wait(20);
    this.#abandon.abort();
    clearInterval(this.#heartbeat);
    // Only now, and in order: a later event of a subject must not overtake the one that is still being handled.
    await this.#giveBack();
    await this.#leave();
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        const free = this.#options.concurrency - this.#inHand.size;
        if (free <= 0) {
          await new Promise<void>((freed) => {
            this.#slotFreed = freed;
          });
          continue;
        }
        if (!this.#reading) {
          // A read may block for seconds before it tells that its connection works.
          await this.#options.blocking.ping();
          this.#reading = true;
        }
        if (this.#options.now() >= this.#nextSweep) await this.#claim(free);
        await this.#read(this.#options.concurrency - this.#inHand.size);
        this.#lastRead.set({ stream: this.#options.stream, group: this.#options.group }, this.#options.now() / 1000);
        failures = 0;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#reading = false;
        failures += 1;
        await this.#recover(error, failures);
      }
    }
  }

  async #read(free: number): Promise<void> {
    if (free <= 0) return;
    const { blocking, stream, group, consumer } = this.#options;
    const reply = (await blocking.xreadgroup(
      'GROUP',
      group,
      consumer,
      'COUNT',
      free,
      'BLOCK',
      BLOCK_MS,
      'STREAMS',
      stream,
      '>',
    )) as [string, [string, string[] | null][]][] | null;
    for (const [id, fields] of reply?.[0]?.[1] ?? []) this.#take({ id, fields: fields ?? [], deliveries: 1 });
  }

  // One sweep a half of minIdle. The cursor is followed: entries that are kept alive at the head must not hide a stale one behind.
  async #claim(free: number): Promise<void> {
    const { client, stream, group, consumer, minIdleMs, now } = this.#options;
    const [cursor, entries] = (await client.xautoclaim(stream, group, consumer, minIdleMs, this.#claimCursor, 'COUNT', free)) as [
      string,
      [string, string[] | null][],
    ];
    this.#claimCursor = cursor;
    if (cursor === '0-0') {
      this.#nextSweep = now() + minIdleMs / 2;
      await removeGoneConsumers(client, stream, group, consumer, this.#options.goneAfterMs);
    }
    for (const [id, fields] of entries) {
      if (this.#inHand.has(id)) continue;
      const [pending] = (await client.xpending(stream, group, id, id, 1)) as [string, string, number, number][];
      this.#take({ id, fields: fields ?? [], deliveries: pending?.[3] ?? 1 });
    }
  }

  #take(delivery: Delivery): void {
    const held: { delivery: Delivery; state: 'waiting' | 'running' | 'ended' } = { delivery, state: 'waiting' };
    this.#inHand.set(delivery.id, held);
    const decoded = decodeEntry(this.#options.stream, delivery.id, delivery.fields);
    const lane = decoded.ok ? decoded.event.subject : delivery.id;
    void this.#lanes.run(lane, async () => {
      // Stopped while it waited for its subject: it is given back.
      if (this.#stop.signal.aborted) return;
      held.state = 'running';
      const outcome = await runEntry(delivery, this.#options, { stop: this.#stop.signal, abandon: this.#abandon.signal }).catch(
        (error: unknown): Outcome => {
          this.#options.log.error({ entry: delivery.id, stream: this.#options.stream, error }, 'entry left pending');
          return 'given-back';
        },
      );
      this.#outcomes.inc({ stream: this.#options.stream, group: this.#options.group, outcome });
      held.state = 'ended';
      if (outcome !== 'given-back' || !this.#stop.signal.aborted) this.#inHand.delete(delivery.id);
      this.#slotFreed();
    });
  }

  async #learnBlockingId(): Promise<void> {
    this.#blockingId = await this.#options.blocking.client('ID').catch(() => undefined);
  }

  // Unblocked by the server, the read ends with whatever it was given; a cut connection could strand an entry until minIdle.
  async #endRead(): Promise<void> {
    const { client, blocking } = this.#options;
    const cut = setTimeout(() => blocking.disconnect(), 1000);
    if (this.#blockingId !== undefined && client.status === 'ready') {
      await client.client('UNBLOCK', this.#blockingId).catch(() => undefined);
    } else {
      blocking.disconnect();
    }
    await this.#loop;
    clearTimeout(cut);
    blocking.disconnect();
  }

  async #keepAlive(): Promise<void> {
    const { client, stream, group, consumer } = this.#options;
    const ids = [...this.#inHand.keys()];
    if (ids.length === 0) return;
    // JUSTID resets the idle time and leaves the delivery count alone.
    await client.call('XCLAIM', stream, group, consumer, 0, ...ids, 'JUSTID').catch(() => undefined);
  }

  #isRunning(): boolean {
    return [...this.#inHand.values()].some(({ state }) => state === 'running');
  }

  async #giveBack(): Promise<void> {
    const { client, stream, group, consumer, minIdleMs } = this.#options;
    if (client.status !== 'ready') return;
    for (const [id, { delivery, state }] of this.#inHand) {
      if (state === 'running') continue;
      this.#inHand.delete(id);
      // Claimable at once, and as if it had not been delivered.
      await client
        .call('XCLAIM', stream, group, consumer, 0, id, 'IDLE', minIdleMs * 2, 'RETRYCOUNT', delivery.deliveries - 1, 'JUSTID')
        .catch(() => undefined);
    }
  }

  async #leave(): Promise<void> {
    const { client, stream, group, consumer } = this.#options;
    if (client.status !== 'ready') return;
    await removeConsumerIfEmpty(client, stream, group, consumer).catch(() => undefined);
  }

  async #recover(error: unknown, failures: number): Promise<void> {
    const { client, stream, group, log } = this.#options;
    const message = error instanceof Error ? error.message : String(error);
    if (failures === 1) log.warn({ stream, group, error }, 'cannot read the stream, trying again');
    await wait(Math.min(50 * 2 ** Math.min(failures, 7), 5000), undefined, { signal: this.#stop.signal }).catch(() => undefined);
    if (this.#stop.signal.aborted) return;
    if (/^(NOGROUP|UNBLOCKED)/.test(message)) {
      await ensureGroup(client, stream, group).catch((cause: unknown) => {
        if (!isUnavailable(cause)) log.error({ stream, group, error: cause }, 'cannot repair the group');
      });
    }
  }
}

function counter(metrics: Registry): Counter<'stream' | 'group' | 'outcome'> {
  const name = 'ops_stream_entries_total';
  return (
    (metrics.getSingleMetric(name) as Counter<'stream' | 'group' | 'outcome'> | undefined) ??
    new Counter({
      name,
      help: 'Entries by what became of them',
      labelNames: ['stream', 'group', 'outcome'],
      registers: [metrics],
    })
  );
}

function gauge(metrics: Registry): Gauge<'stream' | 'group'> {
  const name = 'ops_stream_last_read_timestamp_seconds';
  return (
    (metrics.getSingleMetric(name) as Gauge<'stream' | 'group'> | undefined) ??
    new Gauge({ name, help: 'When a read of the stream last came back', labelNames: ['stream', 'group'], registers: [metrics] })
  );
}
