import { setTimeout as wait } from 'node:timers/promises';
import type { ConsumerOptions } from './consumer.js';
import { type DeadLetterReason, moveToDeadLetters } from './dead-letters.js';
import { DoneMarkers } from './done-markers.js';
import { isBefore, justBefore } from './entry-id.js';
import type { ReadEntry } from './entry-reader.js';
import { type Delivery, type Desk, type Ending, type Outcome, runEntry } from './entry-runner.js';
import { claim } from './intake.js';
import { Lanes } from './lanes.js';
import type { ReadingLease } from './lease.js';
import { RecentMarkers } from './recent-markers.js';
import { Settlement } from './settlement.js';

export interface InHandOptions extends ConsumerOptions {
  readonly lease: ReadingLease;
  readonly onOutcome: (outcome: Outcome) => void;
}

/** An entry that was read or taken over. */
export interface Entry {
  readonly id: string;
  /** How often it was delivered before. */
  readonly deliveries: number;
  readonly read: ReadEntry;
  readonly isStray: boolean;
  /** The event was seen before: it is another entry's, in hand or handled lately, or nobody knows. */
  readonly isKnown: boolean;
}

interface Held extends Delivery {
  state: 'waiting' | 'running' | 'handled';
  readonly isStray: boolean;
  readonly isKnown: boolean;
  readonly done: boolean;
}

/** The entries that a reader has in hand: begun in the order of their subjects, settled when they are finished. */
export class InHand {
  readonly #options: InHandOptions;
  readonly #ending: Ending;
  readonly #lanes = new Lanes();
  readonly #held = new Map<string, Held>();
  readonly #recent = new RecentMarkers();
  readonly #done: DoneMarkers;
  readonly #settlement: Settlement;
  readonly #desk: Desk<Held> = {
    isDone: ({ done, isKnown, read }) => done || (isKnown && this.#recent.has(read.marker ?? '')),
    mayBegin: (held) => this.#mayBegin(held),
    bury: (id, why, type) => this.#bury(id, why, type),
  };
  #burying = 0;
  #freed: () => void = () => undefined;

  constructor(options: InHandOptions, ending: Ending) {
    this.#options = options;
    this.#ending = ending;
    const { client, stream, group, now, log } = options;
    this.#done = new DoneMarkers(client, stream, group);
    this.#settlement = new Settlement({
      client,
      stream,
      group,
      now,
      onSettled: (ids) => {
        for (const id of ids) this.#held.delete(id);
        this.#freed();
      },
      onRefused: (error) => log.warn({ stream, group, error }, 'Redis did not take an acknowledgement, trying again'),
    });
  }

  get size(): number {
    return this.#held.size;
  }

  /** How many of them the group has pending, once Redis has seen everything that was sent to it. */
  get pending(): number {
    return this.#held.size - this.#settlement.sent - this.#burying;
  }

  has(id: string): boolean {
    return this.#held.has(id);
  }

  /** Resolves when something is settled, or `wake` is called. */
  freed(): Promise<void> {
    return new Promise((resolve) => {
      this.#freed = resolve;
    });
  }

  wake(): void {
    this.#freed();
  }

  /** Everything up to this id is settled, where everything up to `last` was delivered. */
  settledUpTo(last: string): string {
    let oldest: string | undefined;
    for (const id of this.#held.keys()) if (oldest === undefined || isBefore(id, oldest)) oldest = id;
    return oldest === undefined ? last : justBefore(oldest);
  }

  /** Learns from Redis what the group is done with, in the background; until then everything has to be asked. */
  learn(): void {
    void this.#done.fill();
  }

  /** Whether Redis has to be asked if the group is done with it. An event is taken for one that may be done from the first question on. */
  mayBeDone({ marker, hashed }: ReadEntry): boolean {
    return marker !== undefined && this.#done.seen(hashed);
  }

  /** Somebody replays: what has just been done may be done again. */
  forgetRecent(): void {
    this.#recent.clear();
  }

  /** Begins an entry, behind the earlier ones of its subject. `done`: Redis says that the group is done with it. */
  start({ id, deliveries, read, isStray, isKnown }: Entry, done: boolean): void {
    const held: Held = { id, read, deliveries: deliveries + 1, state: 'waiting', isStray, isKnown, done };
    this.#held.set(id, held);
    const { decoded } = read;
    this.#lanes.run(decoded.ok ? decoded.event.subject : id, () => this.#work(held));
  }

  /** Waits until an entry is settled, at most so long (ms). */
  async untilSettled(id: string, mostMs: number): Promise<void> {
    const until = this.#options.now() + mostMs;
    while (this.#held.has(id) && !this.#ending.stop.aborted && this.#options.now() < until) await wait(5);
  }

  /** JUSTID resets the idle time and leaves the delivery count alone: a handler that takes long is seen to be alive. */
  async keepAlive(): Promise<void> {
    const ids = [...this.#held.keys()];
    if (ids.length > 0) await claim(this.#options.client, this.#options, ids, ['JUSTID']);
  }

  /** Whether a handler runs. */
  get isRunning(): boolean {
    return this.#is('running');
  }

  /** Whether something is handled and not acknowledged yet. */
  get isSettling(): boolean {
    return this.#is('handled');
  }

  /** Gives up what is not settled; what has not begun is as if it had not been delivered. */
  async close(): Promise<void> {
    this.#settlement.close();
    const { client, lease } = this.#options;
    const waiting = [...this.#held.values()].filter(({ state }) => state === 'waiting');
    // Not ours any more: whoever follows has them already, and counts for itself.
    if (client.status !== 'ready' || !lease.held) return;
    await Promise.all(
      waiting.map(({ id, deliveries }) => claim(client, this.#options, [id], ['RETRYCOUNT', deliveries - 1, 'JUSTID'])),
    );
  }

  #is(state: Held['state']): boolean {
    for (const held of this.#held.values()) if (held.state === state) return true;
    return false;
  }

  #work(held: Held): undefined | Promise<void> {
    if (this.#ending.stop.aborted) return undefined;
    held.state = 'running';
    const outcome = runEntry(held, this.#options, this.#desk, this.#ending);
    if (typeof outcome !== 'string') return outcome.then((late) => this.#finished(held, late));
    this.#finished(held, outcome);
    return undefined;
  }

  async #bury(id: string, why: DeadLetterReason, type?: string): Promise<void> {
    const { client, stream, group, now } = this.#options;
    this.#burying += 1;
    try {
      const entry = { stream, group, id, ...(type === undefined ? {} : { type }) };
      await moveToDeadLetters(client, entry, why, new Date(now()).toISOString());
      this.#held.delete(id);
    } finally {
      this.#burying -= 1;
    }
  }

  #finished(held: Held, outcome: Outcome): void {
    if (outcome === 'given-back') {
      held.state = 'waiting';
      return;
    }
    held.state = 'handled';
    this.#options.onOutcome(outcome);
    if (outcome === 'dead') {
      this.#freed();
      return;
    }
    const marker = outcome === 'handled' ? held.read.marker : undefined;
    if (marker !== undefined) this.#recent.add(marker);
    // The lane goes on: after a crash both are handled again, in this order.
    this.#settlement.settle(held.id, marker);
  }

  #mayBegin(held: Held): boolean | Promise<boolean> {
    return this.#options.lease.held && !held.isStray ? !this.#ending.stop.aborted : this.#mayBeginLater(held);
  }

  async #mayBeginLater(held: Held): Promise<boolean> {
    const { client, lease } = this.#options;
    const { stop } = this.#ending;
    // Ours by our own clock: a reader that was frozen, or cut off for long, must not act beside the one that followed it.
    while (!stop.aborted && !lease.held) await wait(50, undefined, { signal: stop }).catch(() => undefined);
    if (stop.aborted) return false;
    // Counted when it is begun, and before: what kills us must not come for ever.
    if (held.isStray) await claim(client, this.#options, [held.id], ['RETRYCOUNT', held.deliveries, 'JUSTID']);
    return true;
  }
}
