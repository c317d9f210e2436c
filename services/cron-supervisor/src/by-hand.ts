import { EARLY_MS } from './decide/run-trigger.js';

// A gateway of 2026.2 lets a start wait until the job that runs has ended.
const LONGEST_MS = 3_600_000;

/**
 * Which jobs somebody has asked by hand to run, by `ops cron run`: a run that begins then and serves no slot is that one, and is not
 * tried again where it fails. Kept in memory: a supervisor that is killed in between forgets it, and the run is tried again once.
 */
export class ByHand {
  readonly #asked = new Map<string, number>();

  /** @param at epoch ms */
  note(jobId: string, at: number): void {
    this.#asked.set(jobId, at);
  }

  /** It has begun, or will not. */
  forget(jobId: string): void {
    this.#asked.delete(jobId);
  }

  has(jobId: string, startedAt: number): boolean {
    const asked = this.#asked.get(jobId);
    return asked !== undefined && startedAt >= asked - EARLY_MS && startedAt <= asked + LONGEST_MS;
  }
}
