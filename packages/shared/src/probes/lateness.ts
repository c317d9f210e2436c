const FINEST_MS = 2;
// Coarser, a host that takes the processor away again and again would go unseen: what is shorter than a tick may fall between two.
const COARSEST_MS = 50;
// A timer may be a millisecond late without anybody being to blame.
const TOLERANCE_MS = 1;

/**
 * How late our own event loop was since it was made: blocked by our own work, or not scheduled by a busy host. A probe that ran
 * meanwhile measured us, not the service. It ticks finely for checks with a short limit only, which end soon.
 */
export class Lateness {
  readonly #every: number;
  readonly #timer: NodeJS.Timeout;
  #last = performance.now();
  #total = 0;

  /** @param withinMs the limit that the check is held to */
  constructor(withinMs: number) {
    this.#every = Math.min(COARSEST_MS, Math.max(FINEST_MS, Math.floor(withinMs / 4)));
    this.#timer = setInterval(() => this.#tick(), this.#every);
    this.#timer.unref();
  }

  /** Ends the measurement; returns the ms by which the loop was late in all. */
  end(): number {
    clearInterval(this.#timer);
    this.#tick();
    return this.#total;
  }

  #tick(): void {
    const now = performance.now();
    this.#total += Math.max(0, now - this.#last - this.#every - TOLERANCE_MS);
    this.#last = now;
  }
}
