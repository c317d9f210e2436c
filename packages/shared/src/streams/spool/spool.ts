import type { Logger } from 'pino';
import type { SpoolEntry } from './line.js';

export interface SpoolOptions {
  /** Bytes that may wait; the disk holds at most one segment more. */
  readonly maxBytes: number;
  readonly log: Logger;
  /** The size at which a file is finished, in bytes; 8 MiB, or an eighth of `maxBytes` where that is less. */
  readonly segmentBytes?: number;
}

/** What waits. */
export interface SpoolSize {
  readonly entries: number;
  readonly bytes: number;
  /** When the oldest of them was accepted, epoch ms. */
  readonly oldestAt: number | undefined;
}

/** A queue of encoded events on local disk: what was accepted survives a crash and a loss of power, in its order. */
export interface Spool {
  readonly size: SpoolSize;
  /** Who writes from this folder: the same after every restart. */
  readonly writer: string;
  /** Stream → the id after which lies whatever was written from here and has not been taken. */
  readonly marks: Readonly<Record<string, string>>;
  /** The marks could not be read, though entries wait: any of them may be on the bus, anywhere. */
  readonly marksLost: boolean;
  /**
   * Resolves when all of them are on disk; concurrent calls share one sync. Rejects, and keeps none of them, with
   * SPOOL_FULL past the bound and SPOOL_FAILED when the disk does not take them.
   */
  append(entries: readonly SpoolEntry[]): Promise<void>;
  /** The oldest ones, at most so many (fewer where a chunk of a file ends); they stay. */
  peek(most: number): Promise<readonly SpoolEntry[]>;
  /** The oldest so many of those that were peeked are on the bus; `marks` replaces what is known of their streams. */
  take(count: number, marks?: Readonly<Record<string, string>>): Promise<void>;
  /** Remembers marks, durably, beside those that are known. */
  mark(marks: Readonly<Record<string, string>>): Promise<void>;
  /** What waits stays on disk. */
  close(): Promise<void>;
}
