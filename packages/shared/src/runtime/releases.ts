import type { Logger } from './logger.js';

/** What was opened, closed again last in first out; a step that fails or hangs does not keep the others from closing. */
export class Releases {
  readonly #steps: { readonly what: string; readonly release: () => Promise<void> }[] = [];
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  add(what: string, release: () => Promise<void>): void {
    this.#steps.push({ what, release });
  }

  /** Closes everything; each step has the deadline (ms). Never rejects. */
  async unwind(deadlineMs = 10_000): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const { what, release } = step;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), deadlineMs);
      });
      try {
        if ((await Promise.race([release(), late])) === 'late') this.#log.warn({ what, deadlineMs }, 'did not close in time');
      } catch (error) {
        this.#log.warn({ what, error }, 'did not close cleanly');
      } finally {
        clearTimeout(timer);
      }
    }
  }
}
