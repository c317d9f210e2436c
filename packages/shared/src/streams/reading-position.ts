import { isBefore } from './entry-id.js';

/** What XINFO STREAM says of a stream. */
export interface StreamFacts {
  /** Entries that were ever added. */
  readonly added: number;
  /** Entries that are there. */
  readonly length: number;
  /** Id of the first that is there; `0-0` where there is none. */
  readonly first: string;
  /** Id of the last that was ever added. */
  readonly last: string;
}

/**
 * Where a reader is in its stream, counted in entries ever added. Redis itself forgets what was trimmed before it was
 * read (its lag is 0 and its counters agree, 7.0.15); the distance between this count and the stream's own tells.
 */
export class ReadingPosition {
  /** Id of the last entry that was delivered. */
  #last: string;
  #index: number | null;

  /** @param index entries up to `last`, that one included, or null where nobody knows */
  constructor(last: string, index: number | null) {
    this.#last = last;
    this.#index = index;
  }

  get last(): string {
    return this.#last;
  }

  /** Notes what was delivered; returns whether it was delivered before (a replay). */
  advance(ids: readonly string[]): boolean {
    const [first] = ids;
    const last = ids.at(-1);
    if (first === undefined || last === undefined) return false;
    const again = !isBefore(this.#last, first);
    this.#index = again || this.#index === null ? null : this.#index + ids.length;
    this.#last = last;
    return again;
  }

  /** Entries were delivered that are not counted here: in an answer that was lost, or to a reader before us that was frozen. */
  doubt(): void {
    this.#index = null;
  }

  /**
   * How many entries went unread since the last look. No read may be under way.
   *
   * @param counted entries up to which somebody else (the retention) has counted what went, known in the same moment
   */
  look({ added, length, first, last }: StreamFacts, counted = 0): number {
    const caughtUp = !isBefore(this.#last, last);
    const nothingBehind = length === 0 || isBefore(this.#last, first);
    // In between nobody can tell how many of those that are there come after the last delivered one.
    if (!caughtUp && !nothingBehind) return 0;
    const index = caughtUp ? added : added - length;
    // A stream that was made again has fewer than were counted.
    const known = this.#index === null ? index : Math.max(this.#index, counted > added ? 0 : counted);
    const lost = Math.max(0, index - known);
    this.#index = index;
    return lost;
  }
}
