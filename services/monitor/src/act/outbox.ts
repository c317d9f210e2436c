import { randomUUID } from 'node:crypto';
import type { EventDraft } from '@ops/shared/events';
import type { Logger } from '@ops/shared/runtime';
import type { Publisher } from '@ops/shared/streams';

const MOST = 10_000;
const BATCH = 100;

/**
 * Events that the monitor has to say, in order, kept while Redis is away: the guard must not wait for the bus. A summary
 * is dropped before anything else is. What is in here when the process dies is lost, except for what its owners know to
 * say again (levels, alerts).
 */
export class Outbox {
  readonly #publisher: Publisher;
  readonly #log: Logger;
  #waiting: EventDraft[] = [];
  #wake: () => void = () => undefined;

  constructor(publisher: Publisher, log: Logger) {
    this.#publisher = publisher;
    this.#log = log;
  }

  /** Queues events; each gets its identity now, so that a repeat of an unanswered write is the same event. */
  add(...drafts: readonly EventDraft[]): void {
    this.#waiting.push(...drafts.map((draft) => ({ ...draft, purpose: draft.purpose ?? randomUUID() })));
    if (this.#waiting.length > MOST) {
      this.#waiting = this.#waiting.filter(({ type }) => type !== 'guard.sampled' && type !== 'status.published');
      this.#log.warn({ waiting: this.#waiting.length }, 'the bus is away for long: summaries are dropped');
    }
    this.#wake();
  }

  /** How many events wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Writes what waits, then waits (at most `ms`) for more. Rejects when the bus is away; what waits stays. */
  async flush(ms: number, signal?: AbortSignal): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH);
      await this.#publisher.publish(batch);
      this.#waiting.splice(0, batch.length);
    }
    if (signal?.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      }
      signal?.addEventListener('abort', done);
      this.#wake = done;
    });
  }
}
