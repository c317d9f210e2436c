/** A pause that can be cut short: whoever waits is woken by the first nudge, and one that came before counts. For one who waits. */
export class Nudge {
  #nudged = false;
  #wake: () => void = () => undefined;

  nudge(): void {
    this.#nudged = true;
    this.#wake();
  }

  /** Waits for a nudge, `ms` at most, or until the signal aborts; takes the nudge, and returns whether there was one. */
  async wait(ms: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#nudged && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done);
        this.#wake = done;
      });
    }
    return this.take();
  }

  /** Whether it was nudged since it was last taken. */
  take(): boolean {
    const nudged = this.#nudged;
    this.#nudged = false;
    return nudged;
  }
}
