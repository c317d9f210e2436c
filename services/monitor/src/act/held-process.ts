import { closeSync, openSync, readSync } from 'node:fs';
import type { ProcessIdentity } from '../decide/runaway-process.js';
import { isOver, parseProcessStat } from '../host/process-stat.js';

/** What became of one process. */
export type Signalled = 'sent' | 'gone' | 'changed' | 'refused';

/**
 * One process, held by its open stat file: once it has ended, reads from it fail, also when the number belongs to a new
 * process by then. Identity is read from it immediately before each signal, which leaves a window of microseconds
 * (compared by number alone, 25 of 25 innocents died in a forced reuse).
 */
export class HeldProcess {
  readonly identity: ProcessIdentity;
  readonly #descriptor: number | 'over' | 'hidden';

  constructor(identity: ProcessIdentity, procRoot: string) {
    this.identity = identity;
    this.#descriptor = open(`${procRoot}/${identity.pid}/stat`);
  }

  isGone(): boolean {
    const seen = this.#look();
    // A number that another process has now proves the end of this one.
    return seen === 'over' || (typeof seen === 'number' && seen !== this.identity.startTime);
  }

  /** Sends a signal to this very process, or says why not: what cannot be identified is not signalled. */
  signal(send: (pid: number) => void): Signalled {
    const seen = this.#look();
    if (seen === 'over') return 'gone';
    if (seen === 'hidden') return 'refused';
    if (seen !== this.identity.startTime) return 'changed';
    try {
      send(this.identity.pid);
      return 'sent';
    } catch (error) {
      return isGoneError(error) ? 'gone' : 'refused';
    }
  }

  release(): void {
    if (typeof this.#descriptor === 'number') closeSync(this.#descriptor);
  }

  /** The start time of the process that is there; `hidden` where nobody can tell. */
  #look(): number | 'over' | 'hidden' {
    if (typeof this.#descriptor !== 'number') return this.#descriptor;
    try {
      const stat = parseProcessStat(buffer, readSync(this.#descriptor, buffer, 0, buffer.length, 0));
      if (stat === null) return 'hidden';
      return isOver(stat) ? 'over' : stat.startTime;
    } catch (error) {
      // Only "no such process" proves an end; a failure of our own must not be taken for one.
      return isGoneError(error) ? 'over' : 'hidden';
    }
  }
}

const buffer = Buffer.allocUnsafe(1024);

function open(path: string): number | 'over' | 'hidden' {
  try {
    return openSync(path, 'r');
  } catch (error) {
    return isGoneError(error) ? 'over' : 'hidden';
  }
}

function isGoneError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'ENOENT');
}
