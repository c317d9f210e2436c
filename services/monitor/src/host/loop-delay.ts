/** Each wake-up costs: 50 a second were a third of what an idle monitor used. A check measures its own lateness, more finely. */
const everyMs = 200;

/**
 * How late our own event loop was. A health check that ran in a blocked loop measured us, not the service. (Node's
 * monitorEventLoopDelay forgets its last tick with every reset, so a block that begins right after a sample is missed.)
 */
export class LoopDelay {
  readonly #timer = setInterval(() => this.#tick(), everyMs);
  #due = performance.now() + everyMs;
  #longest = 0;

  constructor() {
    this.#timer.unref();
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
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    this.#longest = Math.max(this.#longest, now - this.#due);
    this.#due = now + everyMs;
  }
}
