import { availableParallelism, cpus as cpuList, totalmem } from 'node:os';
import type { DiskWatch } from './disks.js';
import { LoopDelay } from './loop-delay.js';
import { type CpuTimes, cpuShares } from './proc-stat.js';
import type { HostSample, HostSampler, HostScope, SampleClock, SampleFailure } from './sample.js';
import { SlidingWindow } from './sliding-window.js';

/** Memory in bytes; `used` is what programs hold, without the page cache. */
export interface MemoryReading {
  readonly used: number;
  readonly total: number;
}

/** Everything that a portable sampler is told. */
export interface PortableSamplerOptions {
  readonly readMemory: () => Promise<MemoryReading>;
  readonly disks: DiskWatch;
  readonly clock: SampleClock;
  readonly minWindowMs: number;
}

/** Reading memory starts a process on macOS; twice a second is often enough, and one at a time. */
const memoryEveryMs = 500;
/** After this long without an answer the last one is not shown any more. */
const memoryStaleMs = 3_000;

/**
 * Samples where there is no /proc (macOS, the operator's own machine). CPU comes from libuv by `os.cpus()`: systeminformation's
 * currentLoad runs shell commands synchronously and blocks the loop. Memory comes from systeminformation, asked for in
 * the background: `active` (total less available), because its `used` counts the page cache.
 */
export class PortableSampler implements HostSampler {
  readonly #options: PortableSamplerOptions;
  readonly #window: SlidingWindow<CpuTimes>;
  readonly #loopDelay = new LoopDelay();
  readonly #scope: HostScope;
  #memory: { readonly at: number; readonly reading: MemoryReading } | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;

  constructor(options: PortableSamplerOptions) {
    this.#options = options;
    this.#window = new SlidingWindow(options.minWindowMs);
    this.#scope = {
      kind: 'host',
      cpus: availableParallelism(),
      memoryBytes: totalmem(),
      why: 'no /proc on this system: figures of the operating system, without limits of containers and without pressure',
    };
  }

  /** Asks for memory and settles when it was answered, so that the first sample already has it. */
  async prime(): Promise<void> {
    this.sample();
    await this.#askMemory();
  }

  sample(): HostSample | SampleFailure {
    const { clock, disks } = this.#options;
    const at = clock.epoch();
    const monotonicMs = clock.monotonic();
    const loopDelayMs = this.#loopDelay.take();
    const times = this.#cpuTimes();
    const before = times === null ? undefined : this.#window.add(monotonicMs, times);
    const shares = times === null || before === undefined ? null : cpuShares(before.value, times);
    if (monotonicMs - this.#askedAt >= memoryEveryMs) void this.#askMemory();
    const memory = this.#memory !== null && monotonicMs - this.#memory.at <= memoryStaleMs ? this.#memory.reading : null;
    if (times === null && memory === null) {
      return { ok: false, at, monotonicMs, reason: 'the operating system tells neither CPU times nor memory' };
    }
    return {
      ok: true,
      at,
      monotonicMs,
      scope: this.#scope,
      cpuPercent: shares?.busyPercent ?? null,
      // libuv has no iowait: it is in idle.
      iowaitPercent: null,
      nicePercent: shares?.nicePercent ?? null,
      stealPercent: null,
      cpuThrottledPercent: null,
      cpuPressure: null,
      memoryPressure: null,
      ioPressure: null,
      ramPercent: memory === null ? null : Math.min(100, (memory.used * 100) / memory.total),
      ramUsedBytes: memory?.used ?? null,
      ramTotalBytes: memory?.total ?? null,
      swapPercent: null,
      disks: disks.read(),
      loopDelayMs,
    };
  }

  async sampleInSlices(): Promise<HostSample | SampleFailure> {
    return this.sample();
  }

  close(): void {
    this.#loopDelay.close();
    this.#options.disks.close();
  }

  /** In ticks of 10 ms, as /proc/stat has them. */
  #cpuTimes(): CpuTimes | null {
    let busy = 0;
    let idle = 0;
    let nice = 0;
    for (const { times } of cpuList()) {
      busy += (times.user + times.nice + times.sys + times.irq) / 10;
      idle += times.idle / 10;
      nice += times.nice / 10;
    }
    return busy + idle > 0 ? { busy, idle, iowait: 0, nice, steal: 0 } : null;
  }

  async #askMemory(): Promise<void> {
    this.#asking ??= this.#answerMemory();
    await this.#asking;
    this.#asking = null;
  }

  async #answerMemory(): Promise<void> {
    this.#askedAt = this.#options.clock.monotonic();
    try {
      const reading = await this.#options.readMemory();
      if (reading.total > 0 && reading.used >= 0) this.#memory = { at: this.#options.clock.monotonic(), reading };
    } catch {
      // Nothing to add: the last reading ages until it is not shown any more.
    }
  }
}
