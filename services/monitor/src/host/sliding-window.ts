/**
 * Earlier readings of a counter. A rate needs a window: with 100 ticks a second and two CPUs, 50 ms are ten ticks, and
 * one tick is 10 %. The window is therefore at least `minMs` long, however often we sample, and ends now.
 */
export class SlidingWindow<T> {
  readonly #minMs: number;
  #readings: { readonly at: number; readonly value: T }[] = [];

  constructor(minMs: number) {
    this.#minMs = minMs;
  }

  /**
   * Adds a reading and gives the one to compare it with: the newest that is at least `minMs` old, else the oldest there
   * is; undefined for the first. `at` is on the monotonic clock.
   */
  add(at: number, value: T): { readonly at: number; readonly value: T } | undefined {
    const start = this.#readings.findLastIndex((each) => at - each.at >= this.#minMs);
    if (start > 0) this.#readings = this.#readings.slice(start);
    const reference = this.#readings[0];
    this.#readings.push({ at, value });
    return reference;
  }

  /** Forgets everything: what is counted has changed. */
  clear(): void {
    this.#readings = [];
  }
}
