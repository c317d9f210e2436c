import { statfs } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { DiskSample } from './sample.js';

/** What statfs tells, in blocks. */
export interface FileSystemStat {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
}

interface Watched {
  readonly mount: string;
  startedAt: number | null;
  finishedAt: number | null;
  stat: FileSystemStat | null;
}

/**
 * A call to a hung file system keeps one thread of Node's pool of four until the mount answers. Two such threads are what we
 * are willing to lose: the other two go on serving everybody else.
 */
const mostAtOnce = 2;
/** A result that old says nothing about now (we were suspended, or could not ask). */
const staleMs = 15_000;

/**
 * Watches the configured mounts in the background. `read` never waits: it gives the last answer of each mount and asks
 * again when that is older than `refreshMs`. A mount that has not answered within `deadlineMs`, or answered with an
 * error, is unknown, and is not asked a second time while the first question is open.
 */
export class DiskWatch {
  readonly #mounts: Watched[];
  readonly #deadlineMs: number;
  readonly #refreshMs: number;
  readonly #monotonic: () => number;
  readonly #first: Promise<void>;
  #allAnswered: () => void = () => undefined;
  #closed = false;

  constructor(mounts: readonly string[], monotonic: () => number, deadlineMs = 1_000, refreshMs = 1_000) {
    this.#mounts = mounts.map((mount) => ({ mount, startedAt: null, finishedAt: null, stat: null }));
    this.#monotonic = monotonic;
    this.#deadlineMs = deadlineMs;
    this.#refreshMs = refreshMs;
    this.#first = new Promise((resolve) => {
      this.#allAnswered = resolve;
      if (mounts.length === 0) resolve();
    });
  }

  /** The state of every mount, in the configured order. */
  read(): DiskSample[] {
    this.#refresh();
    const now = this.#monotonic();
    return this.#mounts.map((watched) => this.#sampleOf(watched, now));
  }

  /** Settles when every mount has answered once, or the deadline has passed. */
  async answered(): Promise<void> {
    this.#refresh();
    const late = new AbortController();
    const deadline = delay(this.#deadlineMs, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([this.#first, deadline]);
    late.abort();
  }

  close(): void {
    this.#closed = true;
  }

  #refresh(): void {
    const now = this.#monotonic();
    const due = this.#mounts.filter(
      (each) => each.startedAt === null && (each.finishedAt === null || now - each.finishedAt >= this.#refreshMs),
    );
    // Longest unasked first, so that a hung mount does not always leave the same one waiting.
    due.sort((a, b) => (a.finishedAt ?? -1) - (b.finishedAt ?? -1));
    const free = mostAtOnce - this.#mounts.filter((each) => each.startedAt !== null).length;
    for (const watched of due.slice(0, Math.max(0, free))) void this.#ask(watched);
  }

  async #ask(watched: Watched): Promise<void> {
    watched.startedAt = this.#monotonic();
    try {
      watched.stat = await statfs(watched.mount);
    } catch {
      watched.stat = null;
    }
    watched.startedAt = null;
    watched.finishedAt = this.#monotonic();
    if (this.#mounts.every((each) => each.finishedAt !== null)) this.#allAnswered();
    // More mounts than may be asked at once: the next ones follow as soon as one has answered.
    if (!this.#closed) this.#refresh();
  }

  #sampleOf(watched: Watched, now: number): DiskSample {
    const isHung = watched.startedAt !== null && now - watched.startedAt > this.#deadlineMs;
    const isStale = watched.finishedAt === null || now - watched.finishedAt > staleMs;
    if (watched.stat === null || isHung || isStale) {
      return { mount: watched.mount, percent: null, usedBytes: null, totalBytes: null };
    }
    const { bsize, blocks, bfree, bavail } = watched.stat;
    const used = blocks - bfree;
    // Blocks kept for root are neither used nor usable: 100 % is when everybody else gets "no space left".
    const usable = used + bavail;
    const percent = usable > 0 ? (used * 100) / usable : null;
    return { mount: watched.mount, percent, usedBytes: used * bsize, totalBytes: blocks * bsize };
  }
}
