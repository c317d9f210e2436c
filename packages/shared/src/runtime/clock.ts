import { setTimeout as wait } from 'node:timers/promises';

/** Time as a dependency: decisions take `now`, loops take a clock. */
export interface Clock {
  /** Epoch ms. */
  now(): number;
  /** Ms that never step back. */
  monotonic(): number;
  /** Resolves after the time, or at once when the signal aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

const BEAT_MS = 250;

/**
 * A pause (ms) moved to the nearest quarter of a second of the monotonic clock, where it is `least` or longer: loops that wake at the same
 * time wake the processor once. Each wake-up of an idle process costs it a fifth of a millisecond.
 */
export function evenPause(ms: number, monotonicMs: number, least = 4 * BEAT_MS): number {
  if (ms < least) return ms;
  return Math.round((monotonicMs + ms) / BEAT_MS) * BEAT_MS - monotonicMs;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => wait(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
};
