import { type Clock, systemClock } from '@ops/shared/runtime';

/** A clock of which pauses and spans pass so many times as fast; the time of day is the real one. */
export function fastClock(speed: number): Clock {
  return {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic() * speed,
    sleep: (ms, signal) => systemClock.sleep(ms / speed, signal),
  };
}
