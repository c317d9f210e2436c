import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunawayPlan } from '../decide/runaway-types.js';
import { isOver } from '../host/process-stat.js';
import { readStat } from '../host/process-table.js';

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
 * The process is held by an open descriptor of its /proc directory: once it has ended, reads through it fail, also when the
 * number belongs to a new process. Identity is read through it immediately before each signal, which leaves a window
 * of microseconds (compared by number alone, 25 of 25 innocents died in a forced reuse).
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
  if (held === null) return outcome('already-gone', { goneAt: now() });
  try {
    const isGone = () => isOver(held.stat());
    const waitMs = deps.pollMs ?? 10;
    const stat = held.stat();
    if (stat !== null && stat.startTime !== startTime) return outcome('identity-changed');
    const signal = deps.signal ?? ((to: number, name: 'SIGTERM' | 'SIGKILL') => process.kill(to, name));
    const term = isOver(stat) ? 'gone' : send(() => signal(pid, 'SIGTERM'));
    if (term === 'gone') return outcome('already-gone', { goneAt: now() });
    if (term === 'refused') return outcome('not-permitted');
    const termAt = now();
    if (await until(isGone, plan.graceMs, waitMs)) return outcome('terminated', { termAt, goneAt: now() });
    const kill = isGone() ? 'gone' : send(() => signal(pid, 'SIGKILL'));
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

/** Holds on to one process by its /proc directory; null when there is none with this number. */
function hold(pid: number, procRoot: string): { stat: () => ReturnType<typeof readStat>; release: () => void } | null {
  try {
    const descriptor = openSync(`${procRoot}/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
    return { stat: () => readStat(`/proc/self/fd/${descriptor}/stat`), release: () => closeSync(descriptor) };
  } catch {
    return null;
  }
}

function send(signal: () => unknown): 'sent' | 'gone' | 'refused' {
  try {
    signal();
    return 'sent';
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH' ? 'gone' : 'refused';
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
