/** A sample that comes later than this, in ms, was taken by a monitor that did not get to work. */
export const LATE_MS = 500;

/** What a sample tells of the time since the one before, in percent; null is "no reading". */
export interface SampleRates {
  /** Busy share: user, nice, system, interrupts and steal; waiting for I/O is idle (as in libuv), guest time is in user already. */
  readonly cpuPercent: number | null;
  /** Share in which a CPU was idle while I/O was outstanding; always the host's. */
  readonly iowaitPercent: number | null;
  /** Parts of the host's busy share: work of low priority, and time that a hypervisor gave to others. */
  readonly nicePercent: number | null;
  readonly stealPercent: number | null;
  /** Share of quota periods in which the group was throttled; null without a quota. */
  readonly cpuThrottledPercent: number | null;
  /** PSI "some": share of time in which at least one task waited for a CPU. */
  readonly cpuPressure: number | null;
  readonly memoryPressure: number | null;
  readonly ioPressure: number | null;
}

/**
 * Marks a sample with how late it was. Of a late one the rates are not believed: they are over a time in which nobody looked, in
 * which our own standing still may be all that was wrong, and they would end or begin a streak that nobody saw. Memory and disks are
 * what they are at the moment of reading, and stay: a host that has no memory left makes its monitor late as well.
 */
export function markLate<S extends SampleRates>(sample: S, lateMs: number): S & { readonly lateMs: number } {
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
