import { KeptFile } from './kept-file.js';
import { SlidingWindow } from './sliding-window.js';

/**
 * Pressure stall information over our own window. The file's averages move every two seconds only; its `total`
 * (microseconds) moves with every read, so that a difference is fresh.
 */
export class Pressure {
  readonly #file: KeptFile;
  readonly #window: SlidingWindow<number>;

  constructor(path: string, minWindowMs: number) {
    this.#file = new KeptFile(path, 512);
    this.#window = new SlidingWindow(minWindowMs);
  }

  /** Percent of the window in which some task waited; null without PSI in the kernel, or at the first reading. */
  read(monotonicMs: number): number | null {
    const total = /^some .*total=(\d+)/.exec(this.#file.read() ?? '')?.[1];
    if (total === undefined) {
      this.#window.clear();
      return null;
    }
    const before = this.#window.add(monotonicMs, Number(total));
    if (before === undefined || monotonicMs <= before.at) return null;
    const percent = (Number(total) - before.value) / 10 / (monotonicMs - before.at);
    return Math.min(100, Math.max(0, percent));
  }

  close(): void {
    this.#file.close();
  }
}
