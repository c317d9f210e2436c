/**
 * A question of which one is on its way at most: whoever asks meanwhile gets its answer, or, where the question must be asked
 * after something, that of the next.
 */
export class SharedQuestion<T> {
  readonly #ask: () => Promise<T>;
  #current: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  /** The answer to a question that may be on its way already. */
  answer(): Promise<T> {
    if (this.#current !== undefined) return this.#current;
    const asked = this.#ask().finally(() => {
      this.#current = undefined;
    });
    this.#current = asked;
    return asked;
  }

  /** The answer to a question that is asked from now on. */
  fresh(): Promise<T> {
    const current = this.#current;
    if (current === undefined) return this.answer();
    this.#next ??= current
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.answer();
      });
    return this.#next;
  }
}
