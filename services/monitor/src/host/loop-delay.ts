/** Each wake-up costs: 50 a second were a third of what an idle monitor used. A check with a short limit measures its own lateness. */
const everyMs = 200;

/**
 * How late our own event loop was. A health check that ran in a blocked loop measured us, not the service. (Node's
 * monitorEventLoopDelay forgets its last tick with every reset, so a block that begins right after a sample is missed.)
 */
export class LoopDelay {
  readonly #timer = setInterval(() => this.#tick(), everyMs);
  #lastTick = performance.now();
  #longest = 0;

  constructor() {
    this.#timer.unref();
  }

  /** The longest delay in milliseconds since the last call, the one that is still going on included. */
  take(): number {
    this.#tick();
    const longest = this.#longest;
    this.#longest = 0;
    return longest;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    this.#longest = Math.max(this.#longest, now - this.#lastTick - everyMs);
    this.#lastTick = now;
  }
}
