import { onBeat } from '@ops/shared/runtime';

// Each wake-up costs; of these, every other one is a look of the guard. A check measures its own lateness, more finely.
const EVERY_MS = 250;

/**
 * How late our own event loop was. A health check that ran in a blocked loop measured us, not the service. (Node's
 * monitorEventLoopDelay forgets its last tick with every reset, so a block that begins right after a sample is missed.)
 */
export class LoopDelay {
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #longest = 0;

  constructor() {
    this.#next(performance.now());
  }

  /** The longest delay in milliseconds since the last call, the one that is still going on included. However often it is called. */
  take(): number {
    const now = performance.now();
    const longest = Math.max(this.#longest, now - this.#due);
    this.#longest = 0;
    // Told: the tick that comes late must not tell it again.
    this.#due = Math.max(this.#due, now);
    return Math.max(0, longest);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    this.#longest = Math.max(this.#longest, now - this.#due);
    this.#next(now);
  }

  #next(now: number): void {
    this.#due = onBeat(now + EVERY_MS);
    this.#timer = setTimeout(() => this.#tick(), this.#due - now).unref();
  }
}
