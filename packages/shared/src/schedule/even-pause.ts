const SHORT_BEAT_MS = 250;
const BEAT_MS = 500;
const LONG_BEAT_MS = 1000;
// From here on half a second is no matter.
const LONG_MS = 3000;
// So much before its time may a timer end: such a one is on its beat.
const EARLY_MS = 10;

/**
 * A pause (ms) moved to the nearest beat of the monotonic clock, where it is `least` or longer: to the nearest second from 3 s on, to the
 * nearest half from 0.5 s on, else to the nearest quarter. Loops that wake at the same time wake the processor once: each wake-up of an
 * idle process costs it a tenth of a millisecond and more. Beats of one length are beats of the shorter ones too. One that may be no longer
 * than `most` (and some milliseconds) is moved to the beat before, but lasts for a quarter of a beat.
 */
export function evenPause(ms: number, monotonicMs: number, { least = 1000, most = Number.POSITIVE_INFINITY } = {}): number {
  if (ms < least) return ms;
  const beat = ms < BEAT_MS ? SHORT_BEAT_MS : ms < LONG_MS ? BEAT_MS : LONG_BEAT_MS;
  const pause = onBeat(monotonicMs + ms, beat) - monotonicMs;
  return pause > most + EARLY_MS ? Math.max(pause - beat, beat / 4) : pause;
}

/** The beat that is nearest to a time of the monotonic clock, in ms: when to wake where others wake as well. */
export function onBeat(monotonicMs: number, beatMs = BEAT_MS): number {
  return Math.round(monotonicMs / beatMs) * beatMs;
}
