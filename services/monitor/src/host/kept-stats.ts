import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** Beyond so many the files are opened for each reading: what is kept is memory of the kernel, 4 KiB and some for each. */
const MOST = 1_000;
/** Of the descriptors that we may have: the rest is for those whom we talk to. */
const SHARE = 0.25;

interface Kept {
  readonly descriptor: number;
  readRound: number;
}

/**
 * The /proc/<pid>/stat of each process, kept open from one table to the next: to open and close it costs more than to read it. What is
 * kept is of one process for ever: once that has been collected it reads nothing more, and is never of another that got the same number.
 */
export class KeptStats {
  #most: number;
  readonly #kept = new Map<string, Kept>();
  #round = 0;

  constructor({ most = mostByLimit() }: { most?: number } = {}) {
    this.#most = most;
  }

  /** Reads the file of a process; null where it cannot be read. */
  read(path: string, into: Buffer): number | null {
    const kept = this.#kept.get(path);
    if (kept !== undefined) {
      const length = readFrom(kept.descriptor, into);
      kept.readRound = this.#round;
      if (length !== null) return length;
      // It is over; the number may be another's by now.
      this.#drop(path, kept);
    }
    return this.#open(path, into);
  }

  /** All of a table are read: those that were not among them are let go. */
  endRound(): void {
    for (const [path, kept] of this.#kept) if (kept.readRound !== this.#round) this.#drop(path, kept);
    this.#round += 1;
  }

  /** Nobody reads a table for a while. */
  close(): void {
    for (const [path, kept] of this.#kept) this.#drop(path, kept);
  }

  #open(path: string, into: Buffer): number | null {
    const descriptor = this.#descriptorOf(path);
    if (descriptor === null) return null;
    const length = readFrom(descriptor, into);
    if (length !== null && this.#kept.size < this.#most) this.#kept.set(path, { descriptor, readRound: this.#round });
    else closeSync(descriptor);
    return length;
  }

  #descriptorOf(path: string): number | null {
    try {
      return openSync(path, 'r');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== 'EMFILE' && code !== 'ENFILE') || this.#kept.size === 0) return null;
      // There are none left for anybody: ours can be spared, from now on.
      this.#most = 0;
      this.close();
      return this.#descriptorOf(path);
    }
  }

  #drop(path: string, { descriptor }: Kept): void {
    this.#kept.delete(path);
    closeSync(descriptor);
  }
}

function readFrom(descriptor: number, into: Buffer): number | null {
  try {
    const length = readSync(descriptor, into, 0, into.length, 0);
    return length === 0 ? null : length;
  } catch {
    return null;
  }
}

/** Some of the descriptors that this process may have; none where nobody says how many these are. */
function mostByLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return Math.min(MOST, Math.floor(Number(limit ?? 0) * SHARE));
  } catch {
    return 0;
  }
}
