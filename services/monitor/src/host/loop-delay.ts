import { type EventLoopUtilization, performance } from 'node:perf_hooks';

// While there is much to do, wake-ups cost nothing more.
const TICK_MS = 50;
const BUSY = 0.1;

/**
 * How long our own event loop kept others waiting. While it is calm nothing wakes up for that: nobody waited longer for it than it was
 * busy, and Node knows that. Where it is busy for a tenth of the time and more, a timer tells a long block from many short ones. That
 * the host did not let us run is the lateness of a sample, not this. (Node's monitorEventLoopDelay always wakes up, and forgets its last
 * tick with every reset: a block that begins right after is missed.)
 */
export class LoopDelay {
  #before: EventLoopUtilization = performance.eventLoopUtilization();
  #ticks: Ticks | undefined;

  /** The longest delay in milliseconds since the last call, the one that is still going on included; at most that, until a timer runs. */
  take(): number {
    const now = performance.eventLoopUtilization();
    const active = now.active - this.#before.active;
    const idle = now.idle - this.#before.idle;
    this.#before = now;
    const longest = this.#ticks?.take() ?? active;
    if (active > 0 && active >= BUSY * (active + idle)) this.#ticks ??= new Ticks();
    else this.close();
    return Math.max(0, longest);
  }

  close(): void {
    this.#ticks?.close();
    this.#ticks = undefined;
  }
}

class Ticks {
  #due = performance.now() + TICK_MS;
  #longest = 0;
  #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = this.#next();
  }

  take(): number {
    const now = performance.now();
    const longest = Math.max(this.#longest, now - this.#due);
    this.#longest = 0;
    // Told: the tick that comes late must not tell it again.
    this.#due = Math.max(this.#due, now);
    return longest;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #next(): NodeJS.Timeout {
    return setTimeout(() => {
      const now = performance.now();
      this.#longest = Math.max(this.#longest, now - this.#due);
      this.#due = now + TICK_MS;
      this.#timer = this.#next();
    }, TICK_MS).unref();
  }
}
