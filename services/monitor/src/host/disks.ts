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
  /** The last answer; null before the first one, and where it was an error. */
  answer: DiskSample | null;
  readonly unknown: DiskSample;
}

export interface DiskPace {
  /** A mount that has not answered for so long is unknown, in ms. */
  readonly deadlineMs: number;
  /** From an answer to the next question, in ms. */
  readonly refreshMs: number;
  /** Below so much in use no level is entered for it, in percent: it is asked a third as often. */
  readonly mattersFromPercent: number;
}

/**
 * A call to a hung file system keeps one thread of Node's pool of four until the mount answers. Two such threads are what we
 * are willing to lose: the other two go on serving everybody else.
 */
const mostAtOnce = 2;
/** A result that old says nothing about now (we were suspended, or could not ask). */
const staleMs = 15_000;
/** Each question wakes a thread, and its answer wakes us. */
const calmRefreshes = 3;

/**
 * Watches the configured mounts in the background. `read` never waits: it gives the last answer of each mount and asks
 * again when that is older than `refreshMs`, three times that where it is far from mattering. A mount that has not answered
 * within `deadlineMs`, or answered with an error, is unknown, and is not asked a second time while the first question is open.
 */
export class DiskWatch {
  readonly #mounts: Watched[];
  readonly #pace: DiskPace;
  readonly #monotonic: () => number;
  /** When the next mount is to be asked. */
  #dueAt = Number.NEGATIVE_INFINITY;
  readonly #first: Promise<void>;
  #allAnswered: () => void = () => undefined;
  #closed = false;

  constructor(mounts: readonly string[], monotonic: () => number, pace: Partial<DiskPace> = {}) {
    this.#mounts = mounts.map((mount) => ({
      mount,
      startedAt: null,
      finishedAt: null,
      answer: null,
      unknown: { mount, percent: null, usedBytes: null, totalBytes: null },
    }));
    this.#monotonic = monotonic;
    this.#pace = { deadlineMs: 1_000, refreshMs: 1_000, mattersFromPercent: 0, ...pace };
    this.#first = new Promise((resolve) => {
      this.#allAnswered = resolve;
      if (mounts.length === 0) resolve();
    });
  }

  /** The state of every mount, in the configured order. */
  read(): DiskSample[] {
    const now = this.#monotonic();
    if (now >= this.#dueAt) this.#refresh();
    return this.#mounts.map((watched) => this.#sampleOf(watched, now));
  }

  /** Settles when every mount has answered once, or the deadline has passed. */
  async answered(): Promise<void> {
    this.#refresh();
    const late = new AbortController();
    const deadline = delay(this.#pace.deadlineMs, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([this.#first, deadline]);
    late.abort();
  }

  close(): void {
    this.#closed = true;
  }

  #refresh(): void {
    const now = this.#monotonic();
    const due = this.#mounts.filter((each) => each.startedAt === null && this.#dueOf(each) <= now);
    // Longest unasked first, so that a hung mount does not always leave the same one waiting.
    due.sort((a, b) => (a.finishedAt ?? -1) - (b.finishedAt ?? -1));
    const free = mostAtOnce - this.#mounts.filter((each) => each.startedAt !== null).length;
    for (const watched of due.slice(0, Math.max(0, free))) void this.#ask(watched);
    // Whoever waits for a free place, or for his answer, is looked at when there is one.
    const unasked = this.#mounts.filter((each) => each.startedAt === null).map((each) => this.#dueOf(each));
    this.#dueAt = Math.min(...unasked.filter((at) => at > now));
  }

  #dueOf({ finishedAt, answer }: Watched): number {
    const { refreshMs, mattersFromPercent } = this.#pace;
    const isCalm = answer !== null && answer.percent !== null && answer.percent < mattersFromPercent;
    return finishedAt === null ? Number.NEGATIVE_INFINITY : finishedAt + (isCalm ? refreshMs * calmRefreshes : refreshMs);
  }

  async #ask(watched: Watched): Promise<void> {
    watched.startedAt = this.#monotonic();
    try {
      watched.answer = answerOf(watched.mount, await statfs(watched.mount));
    } catch {
      watched.answer = null;
    }
    watched.startedAt = null;
    watched.finishedAt = this.#monotonic();
    if (this.#mounts.every((each) => each.finishedAt !== null)) this.#allAnswered();
    // More mounts than may be asked at once: the next ones follow as soon as one has answered.
    if (!this.#closed) this.#refresh();
  }

  #sampleOf({ startedAt, finishedAt, answer, unknown }: Watched, now: number): DiskSample {
    const isHung = startedAt !== null && now - startedAt > this.#pace.deadlineMs;
    const isStale = finishedAt === null || now - finishedAt > staleMs;
    return answer === null || isHung || isStale ? unknown : answer;
  }
}

function answerOf(mount: string, { bsize, blocks, bfree, bavail }: FileSystemStat): DiskSample {
  const used = blocks - bfree;
  // Blocks kept for root are neither used nor usable: 100 % is when everybody else gets "no space left".
  const usable = used + bavail;
  const percent = usable > 0 ? (used * 100) / usable : null;
  return { mount, percent, usedBytes: used * bsize, totalBytes: blocks * bsize };
}
