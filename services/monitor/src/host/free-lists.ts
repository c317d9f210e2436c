import { KeptFile } from './kept-file.js';

/** A machine with 128 CPUs and four zones has some 100 KiB. */
const MOST_BYTES = 262_144;
/** While it decides nothing the last count will do: the file is as long as all the others together. */
const CALM_MS = 2_000;

/**
 * Free pages that the kernel keeps in a list of each CPU. They are free, and neither MemFree nor MemAvailable counts them. Since Linux 6.7 the
 * lists grow to an eighth of the memory, and shrink by some MiB a second: what a large process has given back would look used for minutes.
 * (/proc/zoneinfo; mm/page_alloc.c, `pcp->high_max`.)
 */
export class FreeLists {
  readonly #file: KeptFile;
  readonly #pageBytes: number;
  /** Older kernels have lists of a few MiB; a machine without the file has none that we know of. */
  #mayGrow: boolean | null = null;
  #last = { at: Number.NEGATIVE_INFINITY, bytes: 0 };

  constructor(path: string, pageBytes: number) {
    this.#file = new KeptFile(path, MOST_BYTES);
    this.#pageBytes = pageBytes;
  }

  /**
   * Bytes in all lists; 0 where nobody can tell.
   * @param matters it decides something: the count is of now, and not up to two seconds old
   */
  read(monotonicMs: number, matters: boolean): number {
    if (this.#mayGrow !== false && (matters || monotonicMs - this.#last.at >= CALM_MS)) {
      this.#last = { at: monotonicMs, bytes: this.#count() * this.#pageBytes };
    }
    return this.#last.bytes;
  }

  close(): void {
    this.#file.close();
  }

  #count(): number {
    const text = this.#file.readAll();
    if (text === null) return 0;
    this.#mayGrow ??= text.includes('high_max:');
    return this.#mayGrow ? pagesInLists(text) : 0;
  }
}

const COUNT = ' count:';

/** The sum over every CPU in every zone. */
function pagesInLists(zoneinfo: string): number {
  let pages = 0;
  for (let at = zoneinfo.indexOf(COUNT); at >= 0; at = zoneinfo.indexOf(COUNT, at)) {
    at += COUNT.length;
    pages += Number.parseInt(zoneinfo.slice(at, at + 24), 10) || 0;
  }
  return pages;
}
