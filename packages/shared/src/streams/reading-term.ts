import { setTimeout as wait } from 'node:timers/promises';
import { type Decoded, decodeEntry, keys } from '../events/index.js';
import { BLOCK_MS } from './clients.js';
import type { ConsumerOptions } from './consumer.js';
import { moveToDeadLetters } from './dead-letters.js';
import { isBefore, justBefore } from './entry-id.js';
import { type Delivery, markerOf, type Outcome, runEntry } from './entry-runner.js';
import { listGroups, removeOthers, streamFacts } from './groups.js';
import { claim, inspect, type Stray, takeStrays } from './intake.js';
import { Lanes } from './lanes.js';
import type { ReadingLease } from './lease.js';
import { ReadingPosition } from './reading-position.js';
import { RecentKeys } from './recent-keys.js';
import { Settlement } from './settlement.js';

export interface TermOptions extends ConsumerOptions {
  readonly lease: ReadingLease;
  readonly onOutcome: (outcome: Outcome) => void;
  readonly onRead: () => void;
  /** So many entries went before the group had read them. */
  readonly onLost: (entries: number) => void;
}

interface Held extends Delivery {
  state: 'waiting' | 'running' | 'handled';
  readonly isStray: boolean;
  readonly done: boolean;
}

const LOOK_EVERY_MS = 2000;
// From here on what another reader left is begun one by one, each for so long (ms) before the next: what kills, kills at once.
const SUSPICIOUS_DELIVERIES = 2;
const SUSPICION_MS = 3000;
// A few slots that come free one by one are read together.
const FEW_SLOTS_MS = 5;

/**
 * One member's time as the reader of a stream: takes over what others left, oldest first, then reads what is new. Before a
 * batch is begun, one round trip tells that the lease is still ours, which events are done already, and whether the group
 * has pending entries that we do not have (a reply that was lost, a frozen reader before us): those come first. So each
 * subject is handled in order, whoever dies.
 */
export class ReadingTerm {
  readonly #options: TermOptions;
  readonly #stop = new AbortController();
  readonly #abandon = new AbortController();
  readonly #lanes = new Lanes();
  readonly #inHand = new Map<string, Held>();
  readonly #recent = new RecentKeys();
  readonly #settlement: Settlement;
  #position = new ReadingPosition('0-0', null);
  #burying = 0;
  #nextLook = 0;
  #slotFreed: () => void = () => undefined;

  constructor(options: TermOptions) {
    this.#options = options;
    const { client, stream, group, now, log } = options;
    this.#settlement = new Settlement({
      client,
      stream,
      group,
      now,
      onSettled: (ids) => {
        for (const id of ids) this.#inHand.delete(id);
        this.#slotFreed();
      },
      onRefused: (error) => log.warn({ stream, group, error }, 'Redis did not take an acknowledgement, trying again'),
    });
  }

  get ended(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Everything up to this id is settled. */
  get settledUpTo(): string {
    let oldest: string | undefined;
    for (const id of this.#inHand.keys()) if (oldest === undefined || isBefore(id, oldest)) oldest = id;
    return oldest === undefined ? this.#position.last : justBefore(oldest);
  }

  /** Entries in hand. */
  get inHand(): number {
    return this.#inHand.size;
  }

  /** Reads until it is ended. Rejects as Redis does; it may be called again then. */
  async run(): Promise<void> {
    await this.#begin();
    while (!this.ended) {
      if (this.#options.now() >= this.#nextLook) await this.#look();
      const free = await this.#slots();
      if (free <= 0) continue;
      const entries = await this.#read(free);
      if (entries.length === 0) this.#nextLook = 0;
      await this.#take(entries);
      this.#options.onRead();
    }
  }

  /** Begins nothing more; what waits stays pending, for whoever reads next. */
  end(): void {
    this.#stop.abort();
    this.#slotFreed();
  }

  /**
   * Lets what has begun finish within the deadline (ms), then tells the handlers, and gives the rest back as if it had not been
   * delivered. Entries past the deadline stay pending.
   */
  async finish(deadlineMs: number): Promise<void> {
    this.end();
    const deadline = this.#options.now() + deadlineMs;
    while (this.#isBusy() && this.#options.now() < deadline) await wait(10);
    this.#abandon.abort();
    this.#settlement.close();
    await this.#giveBack().catch(() => undefined);
  }

  // JUSTID resets the idle time and leaves the delivery count alone: a handler that takes long is seen to be alive.
  async keepAlive(): Promise<void> {
    const ids = [...this.#inHand.keys()];
    if (ids.length > 0) await claim(this.#options.client, this.#options, ids, ['JUSTID']);
  }

  async #begin(): Promise<void> {
    const { client, stream, group, consumer, concurrency } = this.#options;
    const known = (await listGroups(client, stream)).find((one) => one.group === group);
    if (known === undefined) throw new Error(`NOGROUP ${group} of ${stream} is gone`);
    this.#position = new ReadingPosition(known.lastDelivered, known.entriesRead);
    for (;;) {
      const free = concurrency - this.#inHand.size;
      const strays = await takeStrays(client, this.#options, (id) => this.#inHand.has(id), free);
      await this.#accept(strays, []);
      if (strays.length < free || this.ended) break;
      await this.#slots();
    }
    await removeOthers(client, stream, group, consumer);
  }

  async #slots(): Promise<number> {
    const { concurrency } = this.#options;
    const freed = () => new Promise<void>((resolve) => (this.#slotFreed = resolve));
    while (!this.ended && this.#inHand.size >= concurrency) await freed();
    if (!this.ended && concurrency - this.#inHand.size < concurrency / 4) await Promise.race([freed(), wait(FEW_SLOTS_MS)]);
    return this.ended ? 0 : concurrency - this.#inHand.size;
  }

  async #read(free: number): Promise<[string, string[] | null][]> {
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
    return reply?.[0]?.[1] ?? [];
  }

  async #take(entries: readonly [string, string[] | null][]): Promise<void> {
    const { client, stream, group, consumer, lease, concurrency } = this.#options;
    // Delivered before: somebody replays, and what is done may be done again.
    if (this.#position.advance(entries.map(([id]) => id))) this.#recent.clear();
    const fresh = entries
      .filter(([id]) => !this.#inHand.has(id))
      .map(([id, fields]) => ({ id, deliveries: 0, fields: fields ?? [] }));
    const decoded = fresh.map(({ id, fields }) => decodeEntry(stream, id, fields));
    const expected = this.#inHand.size - this.#settlement.sent - this.#burying + fresh.length;
    const markers = decoded.map((one) => (one.ok ? markerOf(one.event) : ''));
    const seen = await inspect(client, stream, group, markers);
    if (seen.holder !== consumer && (await lease.renew()) !== 'kept') return this.end();
    if (seen.pending > expected) {
      const ours = new Set(fresh.map(({ id }) => id));
      const strays = await takeStrays(client, this.#options, (id) => this.#inHand.has(id) || ours.has(id), concurrency);
      await this.#accept(strays, fresh);
      return;
    }
    for (const [index, entry] of fresh.entries()) {
      const one = decoded[index];
      if (one !== undefined) this.#start(entry, one, seen.done[index] === true, false);
    }
  }

  // Strays are older than what has just been read, but perhaps not all of it: the order is that of the ids.
  async #accept(strays: readonly Stray[], fresh: readonly Stray[]): Promise<void> {
    const { client, stream, group, log } = this.#options;
    const gone = strays.filter(({ fields }) => fields === undefined);
    if (gone.length > 0) {
      log.error(
        { stream, group, entries: gone.map(({ id }) => id).slice(0, 20) },
        'entries were trimmed before they were handled',
      );
      this.#options.onLost(gone.length);
      // A body that is gone is off the pending list by the claim already (7.0); older claims may have left it there.
      await client.xack(stream, group, ...gone.map(({ id }) => id));
    }
    const found = new Set(strays);
    const all = [...strays.filter(({ fields }) => fields !== undefined), ...fresh].sort((a, b) =>
      isBefore(a.id, b.id) ? -1 : 1,
    );
    const decoded = all.map(({ id, fields }) => decodeEntry(stream, id, fields ?? []));
    const seen = await inspect(
      client,
      stream,
      group,
      decoded.map((one) => (one.ok ? markerOf(one.event) : '')),
    );
    const suspicious = strays.some(({ deliveries }) => deliveries >= SUSPICIOUS_DELIVERIES);
    for (const [index, entry] of all.entries()) {
      const one = decoded[index];
      if (one !== undefined) this.#start(entry, one, seen.done[index] === true, found.has(entry));
      if (suspicious) await this.#untilSettled(entry.id);
    }
  }

  // One of those that were in hand killed two readers. Begun together, all would be blamed for it; one by one, only the one.
  async #untilSettled(id: string): Promise<void> {
    const until = this.#options.now() + SUSPICION_MS;
    while (this.#inHand.has(id) && !this.ended && this.#options.now() < until) await wait(5);
  }

  #start({ id, deliveries, fields }: Stray, decoded: Decoded, done: boolean, isStray: boolean): void {
    const only = fields === undefined ? undefined : addressee(fields);
    const held: Held = { id, decoded, deliveries: deliveries + 1, only, state: 'waiting', isStray, done };
    this.#inHand.set(id, held);
    this.#lanes.run(decoded.ok ? decoded.event.subject : id, () => this.#work(held));
  }

  async #work(held: Held): Promise<void> {
    if (this.ended) return;
    held.state = 'running';
    const { client, stream, group, now } = this.#options;
    const outcome = await runEntry(
      held,
      this.#options,
      {
        isDone: (marker) => held.done || this.#recent.has(marker),
        mayBegin: () => this.#mayBegin(held),
        bury: async (id, why, type) => {
          this.#burying += 1;
          try {
            const entry = { stream, group, id, ...(type === undefined ? {} : { type }) };
            await moveToDeadLetters(client, entry, why, new Date(now()).toISOString());
            this.#inHand.delete(id);
          } finally {
            this.#burying -= 1;
          }
        },
      },
      { stop: this.#stop.signal, abandon: this.#abandon.signal },
    );
    this.#finished(held, outcome);
  }

  #finished(held: Held, outcome: Outcome): void {
    if (outcome === 'given-back') {
      held.state = 'waiting';
      return;
    }
    held.state = 'handled';
    this.#options.onOutcome(outcome);
    if (outcome === 'dead') {
      this.#slotFreed();
      return;
    }
    const marker = outcome === 'handled' && held.decoded.ok ? markerOf(held.decoded.event) : undefined;
    if (marker !== undefined) this.#recent.add(marker);
    // The lane goes on: after a crash both are handled again, in this order.
    void this.#settlement.settle(held.id, marker);
  }

  async #mayBegin(held: Held): Promise<boolean> {
    const { client, lease } = this.#options;
    // Ours by our own clock: a reader that was frozen, or cut off for long, must not act beside the one that followed it.
    while (!this.ended && !lease.held) await wait(50, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    if (this.ended) return false;
    // Counted when it is begun, and before: what kills us must not come for ever.
    if (held.isStray) await claim(client, this.#options, [held.id], ['RETRYCOUNT', held.deliveries, 'JUSTID']);
    return true;
  }

  async #look(): Promise<void> {
    const { client, stream, now } = this.#options;
    this.#nextLook = now() + LOOK_EVERY_MS;
    const facts = await streamFacts(client, stream);
    const lost = facts === undefined ? 0 : this.#position.look(facts);
    if (lost > 0) this.#options.onLost(lost);
  }

  #isBusy(): boolean {
    for (const { state } of this.#inHand.values()) if (state !== 'waiting') return true;
    return false;
  }

  async #giveBack(): Promise<void> {
    const { client } = this.#options;
    const waiting = [...this.#inHand.values()].filter(({ state }) => state === 'waiting');
    if (waiting.length === 0 || client.status !== 'ready') return;
    await Promise.all(
      waiting.map(({ id, deliveries }) => claim(client, this.#options, [id], ['RETRYCOUNT', deliveries - 1, 'JUSTID'])),
    );
  }
}

// A deferred event comes back to the stream for the group that deferred it; the others are done with it.
function addressee(fields: readonly string[]): string | undefined {
  for (let index = 0; index < fields.length; index += 2) if (fields[index] === keys.onlyField) return fields[index + 1];
  return undefined;
}
