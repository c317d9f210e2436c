import type { Level } from '@ops/shared/events';
import type { Judgement, Policy, Trigger } from '../cron-types.js';

// A failure that is learned of a day later is history: the next slot is nearer than its repair.
const TOO_OLD_MS = 86_400_000;
// The gateway's own attempt needs a moment to begin and to end before it says something.
const AFTER_OWN_MS = 30_000;
const LOOK_AGAIN_MS = 30_000;
// OpenClaw 2026.9.6 tries again after 30 s, 60 s and 5 min: what is further away is something else.
const LONGEST_OWN_MS = 360_000;

export type RetryPlan =
  | { readonly kind: 'retry'; readonly due_at: number; readonly reason: string }
  /** An earlier failure of the same job waits for its retry: this run was the source's own attempt, and has none of its own. */
  | { readonly kind: 'belongs'; readonly to: string; readonly due_at: number }
  | { readonly kind: 'final'; readonly reason: string };

export interface FailureFacts {
  readonly judgement: Judgement;
  readonly trigger: Trigger;
  /** The run that it tries again; null where it is no retry. */
  readonly retry_of: string | null;
  readonly ended_at: number;
  readonly policy: Pick<Policy, 'retry'>;
  /** Whether somebody here can start it. */
  readonly startable: boolean;
  /** The retry that waits for an earlier run of the job. */
  readonly waiting: { readonly run_id: string; readonly due_at: number } | undefined;
  readonly retry_after_ms: number;
}

/** What follows a failed run: one retry, after a pause; or nobody tries again. */
export function afterFailure(facts: FailureFacts, now: number): RetryPlan {
  const { judgement, trigger, retry_of: original, ended_at: ended, policy, startable, waiting } = facts;
  if (judgement.verdict === 'killed')
    return { kind: 'final', reason: 'it was ended: a person should see why before it runs again' };
  if (original !== null) return { kind: 'final', reason: 'it was the retry' };
  if (trigger === 'manual') return { kind: 'final', reason: 'somebody started it by hand, and sees it' };
  if (!policy.retry) return { kind: 'final', reason: 'its policy says no retry' };
  if (!startable) return { kind: 'final', reason: 'nobody here can start it: it has no command' };
  if (now - ended > TOO_OLD_MS) return { kind: 'final', reason: 'it was learned of more than a day later' };
  if (waiting !== undefined) return { kind: 'belongs', to: waiting.run_id, due_at: waiting.due_at };
  return { kind: 'retry', due_at: Math.max(ended + facts.retry_after_ms, now), reason: 'the pause after a failure' };
}

export type DuePlan =
  | { readonly kind: 'start' }
  | { readonly kind: 'wait'; readonly until: number; readonly reason: string }
  /** `failed`: nobody tries it again, and it has failed. */
  | { readonly kind: 'superseded'; readonly reason: string; readonly failed: boolean };

export interface DueFacts {
  readonly class: Policy['class'];
  readonly level: Level;
  /** The newest run of the job that began after the failed one; its verdict is null while it runs. */
  readonly newer: { readonly verdict: string | null; readonly trigger: string } | undefined;
  /** When the source tries again by itself. */
  readonly own_retry_at: number | undefined;
}

/**
 * Whether a retry that is due is started now. At critical only revenue work is retried, at emergency nothing; where the source tries
 * by itself, ours waits until it has given up, and then decides.
 */
export function whenDue({ class: kind, level, newer, own_retry_at: own }: DueFacts, now: number): DuePlan {
  if (newer?.verdict === 'succeeded') return { kind: 'superseded', reason: 'a later run has succeeded', failed: false };
  if (newer?.verdict === null) return { kind: 'wait', until: now + LOOK_AGAIN_MS, reason: 'another run of it is under way' };
  // It has a retry of its own. That is no reason to be silent: where slots are closer than that, each would wait for the next one's.
  if (newer?.trigger === 'schedule') return { kind: 'superseded', reason: 'a later slot has come and failed', failed: true };
  if (own !== undefined && own - now <= LONGEST_OWN_MS) {
    return { kind: 'wait', until: Math.max(own, now) + AFTER_OWN_MS, reason: 'its source tries again by itself' };
  }
  if (level === 'emergency') return { kind: 'wait', until: now + LOOK_AGAIN_MS, reason: 'the guard is at emergency' };
  if (level === 'critical' && kind !== 'revenue') {
    return { kind: 'wait', until: now + LOOK_AGAIN_MS, reason: 'the guard is at critical, and this is not revenue work' };
  }
  return { kind: 'start' };
}

const ORDER: readonly Level[] = ['unknown', 'normal', 'warn', 'critical', 'emergency'];

/** The worse of what an event has told of the guard and what is written of it now: either may be the older one. */
export function worseLevel(told: Level | undefined, written: Level): Level {
  return told !== undefined && ORDER.indexOf(told) > ORDER.indexOf(written) ? told : written;
}
