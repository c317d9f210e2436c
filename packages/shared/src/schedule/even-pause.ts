const BEAT_MS = 250;
const LONG_BEAT_MS = 1000;
// From here on half a second is no matter.
const LONG_MS = 3000;

/**
 * A pause (ms) moved to the nearest quarter of a second of the monotonic clock, where it is `least` or longer, and to the nearest second
 * where it is 3 s or longer: loops that wake at the same time wake the processor once. Each wake-up of an idle process costs it a third
 * of a millisecond.
 */
export function evenPause(ms: number, monotonicMs: number, least = 4 * BEAT_MS): number {
  if (ms < least) return ms;
  return onBeat(monotonicMs + ms, ms < LONG_MS ? BEAT_MS : LONG_BEAT_MS) - monotonicMs;
}

/** The nearest beat (a quarter of a second) to a time of the monotonic clock, in ms: when to wake where others wake as well. */
export function onBeat(monotonicMs: number, beatMs = BEAT_MS): number {
  return Math.round(monotonicMs / beatMs) * beatMs;
}
