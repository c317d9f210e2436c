/** Who waits for the order to end a run (`ops cron exec`), and who has asked for an end. In memory: PostgreSQL has the truth. */
export class KillOrders {
  readonly #waiting = new Map<string, Set<(order: KillOrder) => void>>();

  /** Gives the order to everybody who waits for it; how many there were. */
  give(runId: string, order: KillOrder): number {
    const waiting = [...(this.#waiting.get(runId) ?? [])];
    for (const tell of waiting) tell(order);
    return waiting.length;
  }

  /** Waits for an order; undefined when the signal comes first. */
  wait(runId: string, signal: AbortSignal): Promise<KillOrder | undefined> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(runId) ?? new Set();
      this.#waiting.set(runId, waiting);
      const done = (order: KillOrder | undefined) => {
        waiting.delete(done);
        if (waiting.size === 0 && this.#waiting.get(runId) === waiting) this.#waiting.delete(runId);
        signal.removeEventListener('abort', cut);
        resolve(order);
      };
      const cut = () => done(undefined);
      waiting.add(done);
      signal.addEventListener('abort', cut, { once: true });
      if (signal.aborted) cut();
    });
  }
}

export interface KillOrder {
  readonly way: 'gentle' | 'hard';
}
