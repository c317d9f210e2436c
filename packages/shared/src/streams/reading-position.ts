import { isBefore } from './entry-id.js';
import type { SeenPosition } from './unread.js';

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
  /** Id of the entry up to which `#index` counts: what was given to others is behind `#last` and not behind this. */
  #at: string;
  #index: number | null;
  #cut: number;

  /**
   * @param index entries up to `last`, that one included, or null where nobody knows
   * @param cut how many unread entries the retention had taken from the group by then
   */
  constructor(last: string, index: number | null, cut = 0) {
    this.#last = last;
    this.#at = last;
    this.#index = index;
    this.#cut = cut;
  }

  /** The entries up to the last one, and what the retention had taken by then; to go on from later. */
  get counted(): { readonly index: number | null; readonly cut: number; readonly at: string } {
    return { index: this.#index, cut: this.#cut, at: this.#at };
  }

  /**
   * Goes on where the reader before was. Redis counts what it gives to a group, and not what went unread (7.0.15): the difference to
   * what it had counted then is what has been read since.
   *
   * @param entriesRead what Redis has counted for the group; null where it does not know
   * @param there entries that are there between the one that was seen last and `last`: they were delivered, whatever Redis has counted
   */
  static after(
    last: string,
    entriesRead: number | null,
    added: number,
    seen: SeenPosition | undefined,
    there: number,
  ): ReadingPosition {
    // Nothing was delivered since.
    if (seen?.at === last && seen.index <= added) return new ReadingPosition(last, seen.index, seen.cut);
    if (seen === undefined || entriesRead === null) return new ReadingPosition(last, entriesRead);
    // A server that was started again from a file that it had rewritten has the count of that file, and the right id (7.0.15).
    const index = seen.index + Math.max(entriesRead - seen.entriesRead, there);
    // A group or a stream that was made again: nobody knows.
    if (entriesRead < seen.entriesRead || index > added) return new ReadingPosition(last, null, seen.cut);
    return new ReadingPosition(last, index, seen.cut);
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
    this.#at = last;
    return again;
  }

  /** Entries were delivered that are not counted here: in an answer that was lost, or to a reader before us that was frozen. */
  doubt(): void {
    this.#index = null;
  }

  /**
   * How many entries went unread since the last look, without those that the retention took: it has counted them. No read may be
   * under way.
   *
   * @param delivered the last entry that the group was given, known in the same moment. Where it is not the last of ours, others read
   *   too (a reader before us that was frozen, one after us), or an answer is lost: we count anew from there
   * @param cut how many unread entries the retention has taken from the group, ever, known in the same moment
   */
  look({ added, length, first, last }: StreamFacts, delivered: string, cut = 0): number {
    if (delivered !== this.#at) this.#index = null;
    this.#at = delivered;
    const caughtUp = !isBefore(delivered, last);
    const nothingBehind = length === 0 || isBefore(delivered, first);
    // In between nobody can tell how many of those that are there come after the last delivered one.
    if (!caughtUp && !nothingBehind) return 0;
    const index = caughtUp ? added : added - length;
    const lost = this.#index === null ? 0 : Math.max(0, index - this.#index - Math.max(0, cut - this.#cut));
    this.#cut = cut;
    this.#index = index;
    return lost;
  }
}
