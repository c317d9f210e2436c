/**
 * Runs work one at a time per key, and keys side by side: events of one subject are handled in their order, a subject
 * that is being retried holds up nobody else.
 */
export class Lanes {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs the work at once, or behind the earlier work of its key. The work must not throw or reject. */
  run(key: string, work: () => undefined | Promise<void>): void {
    const before = this.#tails.get(key);
    const now = before === undefined ? work() : before.then(work);
    if (now === undefined) return;
    const tail: Promise<void> = now.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
  }
}
