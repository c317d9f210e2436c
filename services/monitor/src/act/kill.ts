import { closeSync, openSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunawayPlan } from '../decide/runaway-types.js';
import { isOver, parseProcessStat } from '../host/process-stat.js';

/** How a kill ended. Times are epoch milliseconds; `ms` is from the first look to the last. */
export interface KillOutcome {
  readonly result: 'terminated' | 'killed' | 'already-gone' | 'identity-changed' | 'not-permitted' | 'dry-run' | 'survived';
  readonly pid: number;
  readonly startTime: number;
  readonly termAt: number | null;
  readonly killAt: number | null;
  /** When the process was seen to be over. */
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

/**
 * Carries out a plan: SIGTERM, up to `graceMs` of waiting, SIGKILL, and proof that the process is gone. It chooses
 * nothing and throws nothing for a victim that is gone, is another one by now, or may not be signalled.
 *
 * The process is held by its open stat file: once it has ended, reads from it fail, also when the number belongs to a
 * new process by then. Identity is read from it immediately before each signal, which leaves a window of microseconds
 * (compared by number alone, 25 of 25 innocents died in a forced reuse).
 */
export async function killRunaway(
  plan: Pick<RunawayPlan, 'mode' | 'victim' | 'graceMs'>,
  deps: KillDeps = {},
): Promise<KillOutcome> {
  const now = deps.now ?? Date.now;
  const startedAt = now();
  const { pid, startTime } = plan.victim;
  const outcome = (result: KillOutcome['result'], times: Partial<KillOutcome> = {}): KillOutcome => ({
    result,
    pid,
    startTime,
    termAt: null,
    killAt: null,
    goneAt: null,
    ...times,
    ms: now() - startedAt,
  });
  if (plan.mode !== 'on') return outcome('dry-run');
  const held = hold(pid, deps.procRoot ?? '/proc');
  if (held === 'over') return outcome('already-gone', { goneAt: now() });
  if (held === 'hidden') return outcome('not-permitted');
  try {
    const isGone = () => held.look().is === 'over';
    const waitMs = deps.pollMs ?? 10;
    const signal = deps.signal ?? ((to: number, name: 'SIGTERM' | 'SIGKILL') => process.kill(to, name));
    const first = held.look();
    if (first.is === 'there' && first.startTime !== startTime) return outcome('identity-changed');
    // What cannot be identified is not signalled.
    if (first.is === 'hidden') return outcome('not-permitted');
    const term = first.is === 'over' ? 'gone' : send(() => signal(pid, 'SIGTERM'));
    if (term === 'gone') return outcome('already-gone', { goneAt: now() });
    if (term === 'refused') return outcome('not-permitted');
    const termAt = now();
    if (await until(isGone, plan.graceMs, waitMs)) return outcome('terminated', { termAt, goneAt: now() });
    const last = held.look();
    if (last.is === 'hidden') return outcome('survived', { termAt });
    const kill = last.is === 'over' ? 'gone' : send(() => signal(pid, 'SIGKILL'));
    if (kill === 'gone') return outcome('terminated', { termAt, goneAt: now() });
    // Another user by now (a set-uid program was executed): SIGTERM went through, SIGKILL does not.
    if (kill === 'refused') return outcome('not-permitted', { termAt });
    const killAt = now();
    if (await until(isGone, deps.reapMs ?? 5_000, waitMs)) return outcome('killed', { termAt, killAt, goneAt: now() });
    return outcome('survived', { termAt, killAt });
  } finally {
    held.release();
  }
}

type Look = { readonly is: 'there'; readonly startTime: number } | { readonly is: 'over' } | { readonly is: 'hidden' };

interface Held {
  look(): Look;
  release(): void;
}

/** Holds on to one process by its open stat file, or says why that cannot be done. */
function hold(pid: number, procRoot: string): Held | 'over' | 'hidden' {
  const buffer = Buffer.allocUnsafe(1024);
  let descriptor: number;
  try {
    descriptor = openSync(`${procRoot}/${pid}/stat`, 'r');
  } catch (error) {
    return isGoneError(error) ? 'over' : 'hidden';
  }
  const look = (): Look => {
    try {
      const stat = parseProcessStat(buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, 0)));
      if (stat === null) return { is: 'hidden' };
      return isOver(stat) ? { is: 'over' } : { is: 'there', startTime: stat.startTime };
    } catch (error) {
      // Only "no such process" proves an end; a failure of our own must not be taken for one.
      return { is: isGoneError(error) ? 'over' : 'hidden' };
    }
  };
  return { look, release: () => closeSync(descriptor) };
}

function isGoneError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'ENOENT');
}

function send(signal: () => unknown): 'sent' | 'gone' | 'refused' {
  try {
    signal();
    return 'sent';
  } catch (error) {
    return isGoneError(error) ? 'gone' : 'refused';
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
