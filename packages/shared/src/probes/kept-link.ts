/** A connection that a probe keeps between its checks: who ends it while nothing is asked on it is the service, and that is told. */
export class KeptLink {
  readonly #told: () => void;
  #busy = false;

  constructor(told: () => void) {
    this.#told = told;
  }

  /** While this is asked, the answer tells of a connection that ends. */
  async during<T>(asked: () => Promise<T>): Promise<T> {
    this.#busy = true;
    try {
      return await asked();
    } finally {
      this.#busy = false;
    }
  }

  ended(): void {
    if (!this.#busy) this.#told();
  }

  /** From here on the ending is ours. */
  close(): void {
    this.#busy = true;
  }
}
