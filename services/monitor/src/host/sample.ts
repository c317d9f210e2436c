import type { SampleRates } from '../decide/late-sample.js';

/** Whose figures a sample gives, and what they are a share of. */
export interface HostScope {
  /** `host`: the whole machine. `container` and `cgroup`: the limited group that we run in. */
  readonly kind: 'host' | 'container' | 'cgroup';
  /** CPUs that 100 % stands for; a quota may be a fraction. */
  readonly cpus: number;
  /** Bytes that 100 % stands for. */
  readonly memoryBytes: number;
  /** One sentence: which limit is in force, or why the figures are the host's. */
  readonly why: string;
}

/** One mounted file system; null means that nobody could tell in time. */
export interface DiskSample {
  readonly mount: string;
  /** As `df` counts: used of what unprivileged users can use. */
  readonly percent: number | null;
  readonly usedBytes: number | null;
  readonly totalBytes: number | null;
}

/**
 * One look at the host. Percentages are 0 to 100; null is "no reading", which is not zero. Rates (CPU, pressure) are
 * over our own window since an earlier sample, never an average that the kernel made.
 */
export interface HostSample extends SampleRates {
  readonly ok: true;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Milliseconds on the monotonic clock; only differences mean anything. */
  readonly monotonicMs: number;
  readonly scope: HostScope;
  /** CPU is a share of a quota of our group; the machine's otherwise. */
  readonly cpuOfQuota?: boolean;
  /** Host: total less what can be had. Limited: usage less inactive page cache, of the limit. */
  readonly ramPercent: number | null;
  readonly ramUsedBytes: number | null;
  readonly ramTotalBytes: number | null;
  /** Swap in use; null without swap. The host's. */
  readonly swapPercent: number | null;
  readonly disks: readonly DiskSample[];
  /** The longest that our own event loop was late since the last sample. */
  readonly loopDelayMs: number;
  /** How much later than planned it was taken; its taker knows. */
  readonly lateMs?: number;
}

/** Neither CPU nor RAM could be read. `reason` names the source and the error, and no content. */
export interface SampleFailure {
  readonly ok: false;
  readonly at: number;
  readonly monotonicMs: number;
  readonly reason: string;
}

/** Looks at the host. A sample waits for no answer and never throws; `close` gives back descriptors and timers. One sample at a time. */
export interface HostSampler {
  sample(): HostSample | SampleFailure;
  /** The same, with turns for others in between: what each reading costs is small, and a machine that slows down makes the sum of them long. */
  sampleInSlices(): Promise<HostSample | SampleFailure>;
  close(): void;
}

/** Clock of a sampler, so that captured trees can be replayed. Both in milliseconds. */
export interface SampleClock {
  epoch(): number;
  monotonic(): number;
}

/** The real clock. */
export const systemClock: SampleClock = { epoch: () => Date.now(), monotonic: () => performance.now() };
