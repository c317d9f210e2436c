import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Every 20 ms is fine enough to see what spoils a 10 ms check, at 0.05 % of a core. */
const resolutionMs = 20;

/** How late our own event loop was. A health check that ran in a blocked loop measured us, not the service. */
export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs });

  constructor() {
    this.#histogram.enable();
  }

  /** The longest delay in milliseconds since the last call. */
  take(): number {
    const longest = this.#histogram.max / 1e6;
    this.#histogram.reset();
    // The histogram holds the time between two of its ticks: what exceeds the resolution is delay.
    return Math.max(0, longest - resolutionMs);
  }

  close(): void {
    this.#histogram.disable();
  }
}
