import type { CronSupervisor } from '../cron-supervisor.js';
import { flushEvents } from '../state/outbox.js';

// Whoever has written something says so; what another process has written is found by looking.
const EVERY_MS = 500;

/** Publishes what is to be said, as soon as somebody has written it. */
export class EventsRound {
  readonly #self: CronSupervisor;
  #due = true;
  #wake: () => void = () => undefined;

  constructor(self: CronSupervisor) {
    this.#self = self;
  }

  nudge(): void {
    this.#due = true;
    this.#wake();
  }

  async round(signal: AbortSignal): Promise<number> {
    const { database, publisher, log, clock } = this.#self;
    this.#due = false;
    if ((await flushEvents(database, publisher, log)) > 0 || this.#due) return 0;
    const patience = new AbortController();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#due) resolve();
      void clock.sleep(EVERY_MS, AbortSignal.any([signal, patience.signal])).then(resolve);
    });
    patience.abort();
    return 0;
  }
}
