import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { evenPause } from '../schedule/even-pause.js';
import { BLOCK_MS } from './clients.js';
import { isBefore } from './entry-id.js';
import type { StreamEntries } from './entry-reader.js';
import { removeOthers } from './groups.js';
import { type Entry, InHand, type InHandOptions } from './in-hand.js';
import { type Inspection, inspect, type Reading, readNew, type Stray, takeStrays } from './intake.js';
import { countBetween } from './lag.js';
import { ReadingPosition } from './reading-position.js';
import { seeStream } from './stream-sight.js';
import { lastSeen, noteSeen } from './unread.js';

export interface TermOptions extends InHandOptions {
  readonly onRead: () => void;
  /** The number of the connection that reads: how often it was closed before. */
  readonly connection: () => number;
  /** So many entries went before the group had read them. */
  readonly onLost: (entries: number) => void;
}

const LOOK_EVERY_MS = 2000;
// Where nothing was read since: after two reads that wait.
const LOOK_IDLE_MS = 7500;
// From here on what another reader left is begun one by one, each for so long (ms) before the next: what kills, kills at once.
const SUSPICIOUS_DELIVERIES = 2;
const SUSPICION_MS = 3000;
// For acknowledgements at the end, whatever the deadline of the handlers was.
const SETTLE_MS = 1000;
// A few slots that come free one by one are read together.
const FEW_SLOTS_MS = 5;

/**
 * One member's time as the reader of a stream: takes over what others left, oldest first, then reads what is new. With each
 * batch it learns whether the group has entries that it does not have (a frozen reader before us, one that took the lease from
 * us; after a broken connection, a reply that was lost): those come first, where the lease is still ours. So each subject is handled in order, whoever
 * dies. An event that may be done already is asked for; a filter knows of nearly all that they are not.
 */
export class ReadingTerm {
  readonly #options: TermOptions;
  readonly #stop = new AbortController();
  readonly #abandon = new AbortController();
  readonly #hand: InHand;
  readonly #entries: StreamEntries;
  #position = new ReadingPosition('0-0', null);
  /** The names under which it has read. */
  readonly readers = new Set<string>();
  /** A reply may have been lost with its connection: entries of ours may be pending that we do not know of. */
  #mayHaveStrays = false;
  /** What the group has pending is in hand. */
  #hasAll = false;
  /** When it looked last, and what it had read by then. */
  #looked = { at: Number.NEGATIVE_INFINITY, last: '' };
  /** Nothing was there to read. */
  #idle = false;
  /** The last entry that was ever read. */
  #furthest = '0-0';
  /** What is saved of the position. */
  #noted = '';

  constructor(options: TermOptions) {
    this.#options = options;
    // Every entry in hand may wait on it.
    setMaxListeners(0, this.#stop.signal);
    const reader = () => this.#reader;
    const owner = {
      ...options,
      get consumer() {
        return reader();
      },
    };
    this.#hand = new InHand(owner, { stop: this.#stop.signal, abandon: this.#abandon.signal });
    const doubt = () => {
      this.#mayHaveStrays = true;
    };
    this.#entries = options.reader.open(options.stream);
    options.blocking.on('close', doubt);
    this.#stop.signal.addEventListener('abort', () => {
      options.blocking.off('close', doubt);
      this.#entries.close();
    });
  }

  get ended(): boolean {
    return this.#stop.signal.aborted;
  }

  // A read that the network holds up may arrive after a later connection has read. What it is given then has another owner, and is
  // seen with the next read: under one name it would be taken for what is in hand.
  get #reader(): string {
    const { consumer, connection } = this.#options;
    const before = connection();
    return before === 0 ? consumer : `${consumer}~${before}`;
  }

  /** Everything up to this id is settled; undefined while there may be entries that are pending and not in hand. */
  get settledUpTo(): string | undefined {
    return this.#hasAll && !this.#mayHaveStrays ? this.#hand.settledUpTo(this.#position.last) : undefined;
  }

  /** Reads until it is ended. Rejects as Redis does; it may be called again then. */
  async run(): Promise<void> {
    await this.#begin();
    while (!this.ended) {
      if (this.#mayLook()) await this.#look();
      const free = await this.#slots();
      if (free <= 0) continue;
      const { blocking, stream, group } = this.#options;
      const consumer = this.#reader;
      this.readers.add(consumer);
      const reading = await readNew(
        blocking,
        { stream, group, consumer },
        free,
        Math.round(evenPause(BLOCK_MS, performance.now())),
      );
      this.#idle = reading.entries.length === 0;
      await this.#take(reading);
      this.#options.onRead();
    }
  }

  /** Begins nothing more; what waits stays pending, for whoever reads next. */
  end(): void {
    this.#stop.abort();
    this.#hand.wake();
  }

  /**
   * Lets what has begun finish within the deadline (ms), then tells the handlers, and gives the rest back as if it had not been
   * delivered. Entries past the deadline stay pending.
   */
  async finish(deadlineMs: number): Promise<void> {
    this.end();
    const { now, client } = this.#options;
    const deadline = now() + deadlineMs;
    while (this.#hand.isRunning && now() < deadline) await wait(10);
    this.#abandon.abort();
    // What is handled is not to be handled again for want of a moment.
    const settled = Math.max(deadline, now() + SETTLE_MS);
    while (this.#hand.isSettling && client.status === 'ready' && now() < settled) await wait(5);
    await this.#hand.close().catch(() => undefined);
  }

  keepAlive(): Promise<void> {
    return this.#hand.keepAlive();
  }

  async #begin(): Promise<void> {
    const { client, stream, group, concurrency } = this.#options;
    this.#hasAll = false;
    const seen = await lastSeen(client, stream, group);
    const sight = await seeStream(client, stream);
    const known = sight?.groups.find((one) => one.group === group);
    if (sight === undefined || known === undefined) throw new Error(`NOGROUP ${group} of ${stream} is gone`);
    const { lastDelivered, entriesRead } = known;
    this.#hand.learn();
    const moved = seen?.at !== undefined && isBefore(seen.at, lastDelivered);
    const there = moved ? await countBetween(client, stream, seen.at, lastDelivered) : 0;
    this.#position = ReadingPosition.after(lastDelivered, entriesRead, sight.stream.added, seen, there);
    // Behind what we have read before: somebody replays.
    if (isBefore(lastDelivered, this.#furthest)) this.#hand.forgetRecent();
    else this.#furthest = lastDelivered;
    for (;;) {
      const free = concurrency - this.#hand.size;
      const strays = await this.#takeStrays((id) => this.#hand.has(id), free);
      if ((free > 0 && strays.length === 0) || this.ended) break;
      await this.#accept(strays, []);
      await this.#slots();
    }
    await removeOthers(client, stream, group, this.#reader);
    this.#hasAll = !this.ended;
  }

  #takeStrays(inHand: (id: string) => boolean, most: number): Promise<Stray[]> {
    const { client, stream, group } = this.#options;
    return takeStrays({ client, stream, group, consumer: this.#reader }, inHand, most);
  }

  async #slots(): Promise<number> {
    const { concurrency } = this.#options;
    const hand = this.#hand;
    while (!this.ended && hand.size >= concurrency) await hand.freed();
    if (!this.ended && concurrency - hand.size < concurrency / 4) await Promise.race([hand.freed(), wait(FEW_SLOTS_MS)]);
    return this.ended ? 0 : concurrency - hand.size;
  }

  async #take({ entries, othersHold, pending }: Reading): Promise<void> {
    const before = this.#furthest;
    if (this.#position.advance(entries.map(([id]) => id))) this.#hand.forgetRecent();
    if (isBefore(before, this.#position.last)) this.#furthest = this.#position.last;
    const fresh = entries.filter(([id]) => !this.#hand.has(id));
    // More than we have: a reply was lost without a word, as a Cluster's client loses one.
    const suspects = this.#mayHaveStrays || othersHold || pending > this.#hand.size + fresh.length;
    const asked: Entry[] = [];
    for (const [id, fields] of fresh) {
      const read = this.#entries.read(id, fields ?? []);
      // What is read again (somebody replays) may have been marked by somebody else.
      const isKnown = this.#hand.mayBeDone(read) || !isBefore(before, id);
      const entry = { id, deliveries: 0, read, isStray: false, isKnown };
      // Behind one that has to be asked for, the others wait: the order is that of the ids.
      if (suspects || isKnown || asked.length > 0) asked.push(entry);
      else this.#hand.start(entry, false);
    }
    if (asked.length > 0 || suspects) await this.#askFirst(asked, suspects);
  }

  async #askFirst(fresh: readonly Entry[], suspects: boolean): Promise<void> {
    const { client, stream, group, consumer, lease } = this.#options;
    this.#mayHaveStrays = false;
    this.#hasAll = false;
    try {
      const expected = this.#hand.pending + fresh.length;
      const seen = await this.#inspect(fresh);
      if (seen.holder !== consumer && (await lease.renew()) !== 'kept') return this.end();
      // Where there is reason to suspect some, no number will do: a reader that wakes up acknowledges what we have in hand.
      if (suspects || seen.pending > expected) {
        const ours = new Set(fresh.map(({ id }) => id));
        // All of them, however much is in hand: what is left behind would come after what follows it.
        const strays = await this.#takeStrays((id) => this.#hand.has(id) || ours.has(id), Number.POSITIVE_INFINITY);
        if (strays.length > 0) this.#position.doubt();
        await this.#accept(strays, fresh);
        await removeOthers(client, stream, group, this.#reader);
      } else for (const entry of fresh) this.#hand.start(entry, seen.done.has(entry.read.marker ?? ''));
      this.#hasAll = true;
    } catch (error) {
      // What was read and is not in hand is a stray now.
      this.#mayHaveStrays = true;
      throw error;
    }
  }

  #inspect(entries: readonly Entry[]): Promise<Inspection> {
    const { client, stream, group } = this.#options;
    const markers = entries.flatMap(({ isKnown, read: { marker } }) => (isKnown && marker !== undefined ? [marker] : []));
    return inspect(client, stream, group, markers);
  }

  // Strays are older than what has just been read, but perhaps not all of it: the order is that of the ids.
  async #accept(strays: readonly Stray[], fresh: readonly Entry[]): Promise<void> {
    const { client, stream, group, log } = this.#options;
    const gone = strays.filter(({ fields }) => fields === undefined).map(({ id }) => id);
    if (gone.length > 0) {
      log.error({ stream, group, entries: gone.slice(0, 20) }, 'entries were trimmed before they were handled');
      this.#options.onLost(gone.length);
      // A body that is gone is off the pending list by the claim already (7.0); older claims may have left it there.
      await client.xack(stream, group, ...gone);
    }
    const found = strays.flatMap(({ id, deliveries, fields }) =>
      fields === undefined ? [] : [{ id, deliveries, read: this.#entries.read(id, fields), isStray: true, isKnown: true }],
    );
    const all: Entry[] = [...found, ...fresh].sort((a, b) => (isBefore(a.id, b.id) ? -1 : 1));
    const { done } = await this.#inspect(all);
    // One of those that were in hand killed two readers. Begun together, all would be blamed for it; one by one, only the one.
    const suspicious = strays.some(({ deliveries }) => deliveries >= SUSPICIOUS_DELIVERIES);
    for (const entry of all) {
      this.#hand.start(entry, done.has(entry.read.marker ?? ''));
      if (suspicious) await this.#hand.untilSettled(entry.id, SUSPICION_MS);
    }
  }

  #mayLook(): boolean {
    const since = this.#options.now() - this.#looked.at;
    const isSame = this.#position.last === this.#looked.last;
    if (this.#idle && !isSame) return true;
    return since >= (isSame ? LOOK_IDLE_MS : LOOK_EVERY_MS);
  }

  async #look(): Promise<void> {
    const { client, stream, group } = this.#options;
    this.#looked = { at: this.#options.now(), last: this.#position.last };
    const sight = await seeStream(client, stream);
    const known = sight?.groups.find((one) => one.group === group);
    if (sight === undefined || known === undefined) return;
    const { lastDelivered, entriesRead } = known;
    // Woken up, perhaps: what went meanwhile is counted by whoever reads now.
    if (!this.#options.lease.held) return;
    const lost = this.#position.look(sight.stream, lastDelivered, known.cut);
    if (lost > 0) this.#options.onLost(lost);
    const { index, cut, at } = this.#position.counted;
    if (index === null || entriesRead === null) return;
    const now = [index, entriesRead, cut, at].join();
    if (now === this.#noted) return;
    // A full Redis does not take it: then the next look.
    await noteSeen(client, stream, group, { index, entriesRead, cut, at }).then(
      () => {
        this.#noted = now;
      },
      () => undefined,
    );
  }
}
