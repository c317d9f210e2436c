import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessIdentity } from '../decide/runaway-process.js';
import { HeldProcess } from './held-process.js';

/** How the kill of a process, or of a whole unit, ended. */
export type KillResult = 'terminated' | 'killed' | 'already-gone' | 'identity-changed' | 'not-permitted' | 'dry-run' | 'survived';

export interface MemberOutcome extends ProcessIdentity {
  readonly result: KillResult;
}

/** What is left counts before what is gone, and what needed force before what went by itself. */
const WORST_FIRST: readonly KillResult[] = [
  'survived',
  'killed',
  'terminated',
  'not-permitted',
  'identity-changed',
  'already-gone',
  'dry-run',
];

/** The outcome of a unit: the worst that is left of it, else how its last members went. */
export function worstOf(members: readonly MemberOutcome[]): KillResult {
  return WORST_FIRST.find((word) => members.some(({ result }) => result === word)) ?? 'already-gone';
}

/** The members of a unit, each held by its identity, on their way: asked, forced, and gone. */
export class HeldUnit {
  readonly #members: readonly Member[];
  readonly #pollMs: number;

  constructor(members: readonly ProcessIdentity[], { procRoot, pollMs }: { procRoot: string; pollMs: number }) {
    this.#members = members.map(({ pid, startTime }) => new Member({ pid, startTime }, procRoot));
    this.#pollMs = pollMs;
  }

  /** Asks each that is still the one that it was; returns whether anybody was. */
  ask(send: (pid: number) => void): boolean {
    return this.#members.filter((member) => member.ask(send)).length > 0;
  }

  /** Forces who is left of those that were asked; returns whether anybody was. */
  force(send: (pid: number) => void): boolean {
    return this.#left().filter((member) => member.force(send)).length > 0;
  }

  /** Waits until nothing is left to wait for, and returns whether that came in time. */
  async settled(withinMs: number): Promise<boolean> {
    return until(() => this.#left().length === 0, withinMs, this.#pollMs);
  }

  outcomes(): MemberOutcome[] {
    return this.#members.map((member) => ({ ...member.held.identity, result: member.result() }));
  }

  release(): void {
    for (const { held } of this.#members) held.release();
  }

  #left(): Member[] {
    return this.#members.filter((member) => !member.isSettled());
  }
}

class Member {
  readonly held: HeldProcess;
  #untouched: KillResult | null = null;
  #forced: 'no' | 'sent' | 'refused' = 'no';
  #gone = false;

  constructor(identity: ProcessIdentity, procRoot: string) {
    this.held = new HeldProcess(identity, procRoot);
  }

  ask(send: (pid: number) => void): boolean {
    const what = this.held.signal(send);
    if (what === 'gone') this.#untouched = 'already-gone';
    if (what === 'changed') this.#untouched = 'identity-changed';
    if (what === 'refused') this.#untouched = 'not-permitted';
    return what === 'sent';
  }

  force(send: (pid: number) => void): boolean {
    const what = this.held.signal(send);
    if (what === 'gone' || what === 'changed') this.#gone = true;
    // Another user by now (a set-uid program was executed): SIGTERM went through, SIGKILL does not.
    else this.#forced = what;
    return what === 'sent';
  }

  isSettled(): boolean {
    if (this.#untouched !== null || this.#gone || this.#forced === 'refused') return true;
    this.#gone = this.held.isGone();
    return this.#gone;
  }

  result(): KillResult {
    if (this.#untouched !== null) return this.#untouched;
    if (this.#forced === 'refused') return 'not-permitted';
    if (!this.#gone) return 'survived';
    return this.#forced === 'sent' ? 'killed' : 'terminated';
  }
}

/** Looks every `everyMs`, and once more at the end. On the monotonic clock: a wall clock that jumps may not cut the grace time. */
async function until(isTrue: () => boolean, withinMs: number, everyMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  for (;;) {
    if (isTrue()) return true;
    const left = end - performance.now();
    if (left <= 0) return false;
    await delay(Math.min(everyMs, left));
  }
}
