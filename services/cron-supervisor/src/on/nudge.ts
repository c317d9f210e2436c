import type { Clock } from '@ops/shared/runtime';

/** A pause that somebody may end: what is nudged while nobody waits ends the next one at once. */
export class Nudge {
  #due = false;
  #wake: () => void = () => undefined;

  nudge(): void {
    this.#due = true;
    this.#wake();
  }

  /** Resolves after the time (ms), at a nudge, or when the signal aborts. */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    const patience = new AbortController();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#due) resolve();
      void clock.sleep(ms, AbortSignal.any([signal, patience.signal])).then(resolve);
    });
    this.#due = false;
    patience.abort();
  }
}
