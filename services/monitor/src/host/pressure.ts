import { KeptFile } from './kept-file.js';
import { numberAt } from './parse-number.js';
import { SlidingWindow } from './sliding-window.js';

const TOTAL = ' total=';

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
    const total = totalOf(this.#file.read() ?? '');
    if (total === null) {
      this.#window.clear();
      return null;
    }
    const before = this.#window.add(monotonicMs, total);
    if (before === undefined || monotonicMs <= before.at) return null;
    const percent = (total - before.value) / 10 / (monotonicMs - before.at);
    return Math.min(100, Math.max(0, percent));
  }

  close(): void {
    this.#file.close();
  }
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`: the 123 of the first line. */
function totalOf(text: string): number | null {
  const [line = ''] = text.split('\n', 1);
  const at = line.indexOf(TOTAL);
  return line.startsWith('some ') && at >= 0 ? numberAt(line, at + TOTAL.length) : null;
}
