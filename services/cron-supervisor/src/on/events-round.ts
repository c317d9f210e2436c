import { Nudge } from '@ops/shared/runtime';
import type { CronSupervisor } from '../cron-supervisor.js';
import { flushEvents } from '../state/outbox.js';

// Whoever has written something says so; what another process has written is found by looking.
const EVERY_MS = 500;
const TOGETHER_MS = 50;

/** Publishes what is to be said, as soon as somebody has written it. */
export class EventsRound {
  readonly #self: CronSupervisor;
  readonly #pause = new Nudge();

  constructor(self: CronSupervisor) {
    this.#self = self;
  }

  nudge(): void {
    this.#pause.nudge();
  }

  async round(signal: AbortSignal): Promise<number> {
    const { database, publisher, log } = this.#self;
    if ((await flushEvents(database, publisher, log)) === 0) await this.#pause.wait(EVERY_MS, signal);
    // What comes in quick succession goes out together: each turn costs the disk something.
    return TOGETHER_MS;
  }
}
