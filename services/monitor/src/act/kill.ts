import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessIdentity } from '../decide/runaway-process.js';
import type { RunawayPlan } from '../decide/runaway-types.js';
import { HeldProcess } from './held-process.js';

export type KillResult = 'terminated' | 'killed' | 'already-gone' | 'identity-changed' | 'not-permitted' | 'dry-run' | 'survived';

/** How a kill ended. Times are epoch milliseconds; `ms` is from the first look to the last. */
export interface KillOutcome {
  /** Of the whole unit: the worst that is left of it, else how its last members went. */
  readonly result: KillResult;
  readonly members: readonly (ProcessIdentity & { readonly result: KillResult })[];
  readonly termAt: number | null;
  readonly killAt: number | null;
  /** When all of them were seen to be over. */
  readonly goneAt: number | null;
  readonly ms: number;
}

/** What the kill touches. The defaults are the real ones. */
export interface KillDeps {
  readonly procRoot?: string;
  /** Sends a signal; throws as `process.kill` does. */
  readonly signal?: (pid: number, signal: 'SIGTERM' | 'SIGKILL') => void;
  readonly now?: () => number;
  /** Time between two looks, in milliseconds. */
  readonly pollMs?: number;
  /** How long after SIGKILL a process may take to be gone before it counts as survived. */
  readonly reapMs?: number;
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

/**
 * Carries out a plan: SIGTERM to all its members, up to `graceMs` of waiting, SIGKILL to who is left, and proof that they are
 * gone. It chooses nothing and throws nothing for a victim that is gone, is another one by now, or may not be signalled.
 *
 * Each member is signalled by its own identity and never by the number of its group: that can be used again as well, and a
 * group may hold a process that is spared.
 */
export async function killRunaway(
  plan: Pick<RunawayPlan, 'mode' | 'members' | 'graceMs'>,
  deps: KillDeps = {},
): Promise<KillOutcome> {
  const { now = Date.now, pollMs = 10, reapMs = 5_000, procRoot = '/proc' } = deps;
  const signal = deps.signal ?? ((to: number, name: 'SIGTERM' | 'SIGKILL') => void process.kill(to, name));
  const startedAt = now();
  if (plan.mode !== 'on') {
    const members = plan.members.map(({ pid, startTime }) => ({ pid, startTime, result: 'dry-run' as const }));
    return { result: 'dry-run', members, termAt: null, killAt: null, goneAt: null, ms: now() - startedAt };
  }
  const members = plan.members.map(({ pid, startTime }) => new Member({ pid, startTime }, procRoot));
  const left = () => members.filter((member) => !member.isSettled());
  let termAt: number | null = null;
  let killAt: number | null = null;
  try {
    for (const member of members) if (member.ask((pid) => signal(pid, 'SIGTERM'))) termAt ??= now();
    if (!(await until(() => left().length === 0, plan.graceMs, pollMs))) {
      for (const member of left()) if (member.force((pid) => signal(pid, 'SIGKILL'))) killAt ??= now();
      await until(() => left().length === 0, reapMs, pollMs);
    }
    const outcomes = members.map((member) => ({ ...member.held.identity, result: member.result() }));
    const result = WORST_FIRST.find((word) => outcomes.some((each) => each.result === word)) ?? 'already-gone';
    const isOver = ['terminated', 'killed', 'already-gone'].includes(result);
    return { result, members: outcomes, termAt, killAt, goneAt: isOver ? now() : null, ms: now() - startedAt };
  } finally {
    for (const { held } of members) held.release();
  }
}

/** One member of the unit on its way: asked, forced, and gone; or never touched. */
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

  /** Nothing is left to do or to wait for. */
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
