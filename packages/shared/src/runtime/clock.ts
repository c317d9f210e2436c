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

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => wait(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
};
