import { randomUUID } from 'node:crypto';
import type { EventDraft } from '@ops/shared/events';
import { type Clock, type Logger, Nudge } from '@ops/shared/runtime';
import { PermanentError, type Publisher } from '@ops/shared/streams';

const MOST = 10_000;
const BATCH = 100;
// Nothing waits and whatever comes wakes it: this is for nothing but an end that nobody could foresee.
const IDLE_MS = 60_000;

interface Waiting {
  readonly draft: EventDraft;
  readonly said: (() => void) | undefined;
}

/**
 * Events that the monitor has to say, in order: the guard must not wait for Redis, nor for the disk. The publisher takes
 * them from here, onto the bus or, while Redis is away, into its spool; only what it refuses (both are full, a level that
 * no replica has confirmed) stays here longer. A summary is dropped before anything else is. What is in here when the
 * process dies is lost, except for what its owners know to say again (levels, alerts).
 */
export class Outbox {
  readonly #publisher: Publisher;
  readonly #log: Logger;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  readonly #more = new Nudge();

  constructor(publisher: Publisher, log: Logger, clock: Clock) {
    this.#publisher = publisher;
    this.#log = log;
    this.#clock = clock;
  }

  /**
   * Queues an event. It gets its identity and its time now, so that a repeat of an unanswered write is the same event and
   * an old one is not taken for new. `said` is called when it is on the bus or in the spool: it
   * will not be lost any more.
   */
  add(draft: EventDraft, said?: () => void): void {
    const known = { ...draft, purpose: draft.purpose ?? randomUUID(), at: draft.at ?? this.#clock.now() };
    this.#waiting.push({ draft: known, said });
    if (this.#waiting.length > MOST) {
      this.#waiting = this.#waiting.filter(({ draft: { type } }) => type !== 'guard.sampled' && type !== 'status.published');
      this.#log.warn({ waiting: this.#waiting.length }, 'nothing is taken for long: summaries are dropped');
    }
    this.#more.nudge();
  }

  /** How many events wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Writes what waits. Rejects when the publisher refuses some of it; that stays, and so does what is behind it until the next
   * time. Each is published for itself (in one turn they go out together), so that what one of them lacks repeats no other.
   */
  async drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH);
      const answers = await Promise.allSettled(batch.map(({ draft }) => this.#publisher.publish([draft])));
      this.#remove(batch.filter((_waiting, index) => !isRefused(answers[index])));
      for (const [index, { draft, said }] of batch.entries()) {
        const answer = answers[index];
        if (answer?.status === 'fulfilled') said?.();
        else if (answer?.reason instanceof PermanentError) this.#tellImpossible(draft, answer.reason);
      }
      const refused = answers.find(isRefused);
      if (refused !== undefined) throw refused.reason;
    }
  }

  /** Writes what waits, then waits for more. */
  async flush(signal: AbortSignal): Promise<void> {
    await this.drain();
    await this.#more.wait(IDLE_MS, signal);
  }

  // It can never be written: the others must not wait behind it.
  #tellImpossible({ type, subject }: EventDraft, error: PermanentError): void {
    this.#log.error({ type, subject, error }, 'an event that its schema refuses is not said');
  }

  // By identity: while the batch was being written, others may have been dropped.
  #remove(batch: readonly Waiting[]): void {
    const written = new Set(batch);
    this.#waiting = this.#waiting.filter((waiting) => !written.has(waiting));
  }
}

/** Whether it may be written another time: an event that its own schema refuses may not. */
function isRefused(answer: PromiseSettledResult<unknown> | undefined): answer is PromiseRejectedResult {
  return answer?.status === 'rejected' && !(answer.reason instanceof PermanentError);
}
