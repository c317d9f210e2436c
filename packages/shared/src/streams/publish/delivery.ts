import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { STREAM_NAMES } from '../../events/index.js';
import type { RedisClient } from '../clients.js';
import { isUnavailable, NotReplicatedError, RetryableError } from '../errors.js';
import type { Spool, SpoolSize } from '../spool/spool.js';
import { PublishConnection } from './connection.js';
import { Drainer } from './drainer.js';
import { Lane, type Parcel } from './lane.js';
import { StreamWriter } from './stream-writer.js';

export interface DeliveryOptions {
  readonly client: RedisClient;
  readonly service: string;
  readonly log: Logger | undefined;
  readonly spool: Spool | undefined;
  readonly minReplicas: number;
  readonly confirmDisk: boolean;
  readonly replicaTimeoutMs: number;
  readonly answerMs: number;
}

const RETRIES = 3;
const RETRY_MS = 100;
// A server that does not answer is waited for once; one that is just restarting is asked again.
const RETRY_WITHIN_MS = 2000;

/** Brings encoded events to their streams: directly, or through the spool while Redis does not take them. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #connections: readonly PublishConnection[];
  readonly #writer: StreamWriter;
  readonly #drainer: Drainer | undefined;
  readonly #nudge = () => this.#drainer?.nudge();
  // Set while an outage lasts: where its events begin in the streams is saved once, before the first of them is.
  #outage: Promise<void> | undefined;
  #closed = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    const { client, service, spool, log, answerMs, minReplicas, confirmDisk, replicaTimeoutMs } = options;
    const [connection, confirming] = [new PublishConnection(client, answerMs), new PublishConnection(client, answerMs)];
    this.#connections = [connection, confirming];
    this.#writer = new StreamWriter({
      connection,
      confirming,
      writer: `${service}-${spool?.writer ?? randomBytes(8).toString('hex')}`,
      restarted: spool !== undefined,
      marks: marksOf(spool),
      began: (stream, last) => this.#began(stream, last),
      minReplicas,
      confirmDisk,
      replicaTimeoutMs,
    });
    if (spool === undefined) return;
    this.#drainer = new Drainer(spool, this.#writer, log, () => {
      this.#outage = undefined;
    });
    client.on('ready', this.#nudge);
    if (spool.size.entries > 0) this.#drainer.wake();
  }

  get waiting(): SpoolSize {
    return this.#options.spool?.size ?? { entries: 0, bytes: 0, oldestAt: undefined };
  }

  /** Resolves when they are in the stream or in the spool. */
  send(stream: string, texts: readonly string[], bytes: number, confirm: boolean): Promise<void> {
    if (this.#closed) return Promise.reject(new RetryableError('PUBLISHER_CLOSED', 'the publisher is closed'));
    let lane = this.#lanes.get(stream);
    if (lane === undefined) {
      const made: Lane = new Lane((parcels) => this.#deliver(stream, parcels, made));
      lane = made;
      this.#lanes.set(stream, lane);
    }
    const way = lane;
    return new Promise((done, failed) => way.add({ texts, bytes, confirm, done, failed }));
  }

  /** What was given is settled first; what is in the spool stays there. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#options.client.off('ready', this.#nudge);
    await Promise.all([...this.#lanes.values()].map((lane) => lane.idle()));
    // What the drainer has on its way may be cut off: the next one looks whether it arrived.
    for (const connection of this.#connections) connection.close();
    await this.#drainer?.close();
    for (const connection of this.#connections) connection.close();
  }

  async #deliver(stream: string, parcels: readonly Parcel[], lane: Lane): Promise<void> {
    // Behind what waits: order goes before speed.
    if (this.waiting.entries > 0) return this.#keep(stream, parcels, lane, undefined);
    const texts = parcels.length === 1 ? (parcels[0]?.texts ?? []) : parcels.flatMap((parcel) => parcel.texts);
    try {
      await this.#write(
        stream,
        texts,
        parcels.some(({ confirm }) => confirm),
      );
      const settle = () => {
        for (const { done } of parcels) done();
      };
      // What waits goes out before the callers come with more: they work while Redis does.
      if (lane.isWaiting) setImmediate(settle);
      else settle();
    } catch (error) {
      if (error instanceof NotReplicatedError) {
        // Stored they are; only some of them ask for more.
        for (const { confirm, done, failed } of parcels) confirm ? failed(error) : done();
      } else if (!isUnavailable(error)) {
        // A refusal (a missing right, a key of another kind) is no absence: waiting does not mend it.
        for (const { failed } of parcels)
          failed(new RetryableError('BUS_REFUSED', 'Redis refused the events', facts(stream, error)));
      } else if (this.#options.spool !== undefined) await this.#keep(stream, parcels, lane, error);
      else {
        const unavailable = new RetryableError('BUS_UNAVAILABLE', 'Redis did not take the events', facts(stream, error));
        for (const { failed } of [...parcels, ...lane.takeWaiting()]) failed(unavailable);
      }
    }
  }

  async #write(stream: string, texts: readonly string[], confirm: boolean): Promise<void> {
    const began = performance.now();
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#writer.write(stream, texts, confirm);
      } catch (error) {
        const answered = error instanceof NotReplicatedError || (error instanceof Error && error.name === 'ReplyError');
        const late = performance.now() - began > RETRY_WITHIN_MS;
        // With a spool there is a better place to wait.
        if (this.#options.spool !== undefined || answered || late || tries > RETRIES || !isUnavailable(error)) throw error;
        await wait(RETRY_MS * 2 ** (tries - 1));
      }
    }
  }

  async #keep(stream: string, parcels: readonly Parcel[], lane: Lane, refusal: unknown): Promise<void> {
    const spool = this.#options.spool as Spool;
    try {
      await this.#markBefore(spool, stream);
    } catch (error) {
      for (const { failed } of [...parcels, ...lane.takeWaiting()]) failed(this.#neither(stream, refusal, error));
      return;
    }
    const append = (some: readonly Parcel[]) =>
      spool.append(some.flatMap(({ texts }) => texts.map((text) => ({ stream, text }))));
    try {
      await append(parcels);
      for (const { done } of parcels) done();
    } catch {
      await this.#keepFirst(stream, parcels, lane, refusal, append);
    }
    if (spool.size.entries > 0) this.#drainer?.wake();
  }

  // As many as there is room for, from the first: what comes behind one that is refused is refused too, or it would overtake it.
  async #keepFirst(
    stream: string,
    parcels: readonly Parcel[],
    lane: Lane,
    refusal: unknown,
    append: (some: readonly Parcel[]) => Promise<void>,
  ): Promise<void> {
    const left = [...parcels];
    for (let next = left[0]; next !== undefined; next = left[0]) {
      try {
        await append([next]);
      } catch (error) {
        for (const { failed } of [...left, ...lane.takeWaiting()]) failed(this.#neither(stream, refusal, error));
        return;
      }
      left.shift()?.done();
    }
  }

  // What is kept now may be in the stream already, unknown to us: where to look must survive a crash.
  async #markBefore(spool: Spool, stream: string): Promise<void> {
    if (spool.size.entries === 0)
      this.#outage ??= spool.mark(this.#writer.lasts()).catch((error: unknown) => {
        // A disk that has room again is asked again.
        this.#outage = undefined;
        throw error;
      });
    await this.#outage;
    const last = this.#writer.lasts()[stream];
    if (spool.marks[stream] === undefined && last !== undefined) await spool.mark({ [stream]: last });
  }

  async #began(stream: string, last: string): Promise<void> {
    const { spool, log } = this.#options;
    if (spool === undefined || spool.size.entries === 0) return;
    // A disk that takes nothing must not keep Redis from it: after a crash now, some events would come twice, by id.
    await spool.mark({ [stream]: last }).catch((error: unknown) => log?.warn({ error }, 'the spool cannot save its marks'));
  }

  #neither(stream: string, refusal: unknown, spoolRefusal: unknown): RetryableError {
    const redis = refusal ?? this.#drainer?.failure;
    return new RetryableError('BUS_UNAVAILABLE', 'neither Redis nor the spool took the events', {
      fields: { stream, redis: messageOf(redis), spool: messageOf(spoolRefusal) },
      cause: spoolRefusal,
    });
  }
}

// In an empty spool nothing is unknown. With its marks lost, everything may be anywhere.
function marksOf(spool: Spool | undefined): Readonly<Record<string, string>> {
  if (spool === undefined || spool.size.entries === 0) return {};
  return spool.marksLost ? Object.fromEntries(STREAM_NAMES.map((stream) => [stream, '0-0'])) : spool.marks;
}

function facts(stream: string, cause: unknown): { fields: Record<string, unknown>; cause: unknown } {
  return { fields: { stream }, cause };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : error === undefined ? 'there is a queue' : String(error);
}
