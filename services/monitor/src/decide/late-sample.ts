/** A sample that comes later than this, in ms, was taken by a monitor that did not get to work. */
export const LATE_MS = 500;

interface Rates {
  readonly cpuPercent: number | null;
  readonly iowaitPercent: number | null;
  readonly nicePercent: number | null;
  readonly stealPercent: number | null;
  readonly cpuThrottledPercent: number | null;
  readonly cpuPressure: number | null;
  readonly memoryPressure: number | null;
  readonly ioPressure: number | null;
}

/**
 * Marks a sample with how late it was. Of a late one the rates are not believed: they are over a time in which nobody looked, in
 * which our own standing still may be all that was wrong, and they would end or begin a streak that nobody saw. Memory and disks are
 * what they are at the moment of reading, and stay: a host that has no memory left makes its monitor late as well.
 */
export function markLate<S extends Rates>(sample: S, lateMs: number): S & { readonly lateMs: number } {
  if (lateMs < LATE_MS) return { ...sample, lateMs };
  return {
    ...sample,
    lateMs,
    cpuPercent: null,
    iowaitPercent: null,
    nicePercent: null,
    stealPercent: null,
    cpuThrottledPercent: null,
    cpuPressure: null,
    memoryPressure: null,
    ioPressure: null,
  };
}
