import { join } from 'node:path';
import { availableBytes } from '@ops/shared/host';
import type { DiskWatch } from './disks.js';
import { FreeLists } from './free-lists.js';
import { type GroupLimits, openGroupLimits, scopeOf } from './group-limits.js';
import { KeptFile } from './kept-file.js';
import { LoopDelay } from './loop-delay.js';
import { numberAfter } from './parse-number.js';
import { Pressure } from './pressure.js';
import { type CpuTimes, countCpus, cpuShares, parseCpuTimes } from './proc-stat.js';
import type { HostSample, HostSampler, HostScope, SampleClock, SampleFailure } from './sample.js';
import { atOnce, inSlices, type Steps } from './slices.js';
import { SlidingWindow } from './sliding-window.js';

/** Everything that a Linux sampler is told. */
export interface LinuxSamplerOptions {
  readonly procRoot: string;
  readonly cgroupRoot: string;
  readonly containerMarkers: readonly string[];
  /** `auto`: the limits of our own group, where it has any. `host`: the machine, whatever binds us. */
  readonly scope: 'auto' | 'host';
  readonly minWindowMs: number;
  /** Below so much RAM in use nothing is decided by it, and what is costly to read may be some seconds old. */
  readonly ramMattersFromPercent: number;
  readonly disks: DiskWatch;
  readonly clock: SampleClock;
}

/** Limits can change while we run (`docker update`); looking for them costs about twenty small reads. */
const limitsEveryMs = 10_000;

/** A sample is small steps of some hundredths each, and a turn costs as much: where the machine is slow nobody waits for two of them. */
const SLICE_MS = 0.05;
/** The line of all CPUs, with room for eight counters of centuries. */
const CPU_LINE_BYTES = 256;

/** Bytes, and how much of the swap is in use; null without swap. */
interface MeminfoReading {
  readonly total: number;
  readonly used: number;
  readonly swapPercent: number | null;
}

/** Samples from /proc and the control groups: nothing is started, and nothing is waited for. */
export class LinuxSampler implements HostSampler {
  readonly #options: LinuxSamplerOptions;
  readonly #stat: KeptFile;
  readonly #meminfo: KeptFile;
  readonly #freeLists: FreeLists;
  readonly #window: SlidingWindow<CpuTimes>;
  readonly #pressure: { readonly cpu: Pressure; readonly memory: Pressure; readonly io: Pressure };
  readonly #loopDelay = new LoopDelay();
  #hostCpus = 0;
  #hostBytes = 0;
  #limits: GroupLimits | null = null;
  #limitsAt = Number.NEGATIVE_INFINITY;
  #looking: Steps<GroupLimits> | null = null;
  #scope: HostScope = { kind: 'host', cpus: 0, memoryBytes: 0, why: 'not read yet' };

  constructor(options: LinuxSamplerOptions) {
    this.#options = options;
    const { procRoot, minWindowMs } = options;
    this.#stat = new KeptFile(join(procRoot, 'stat'), 32_768);
    this.#meminfo = new KeptFile(join(procRoot, 'meminfo'), 1024);
    this.#freeLists = new FreeLists(procRoot);
    this.#window = new SlidingWindow(minWindowMs);
    const pressure = (name: string) => new Pressure(join(procRoot, 'pressure', name), minWindowMs);
    this.#pressure = { cpu: pressure('cpu'), memory: pressure('memory'), io: pressure('io') };
  }

  sample(): HostSample | SampleFailure {
    return atOnce(this.#steps());
  }

  sampleInSlices(): Promise<HostSample | SampleFailure> {
    return inSlices(this.#steps(), SLICE_MS);
  }

  *#steps(): Steps<HostSample | SampleFailure> {
    const { clock, disks } = this.#options;
    const at = clock.epoch();
    const monotonicMs = clock.monotonic();
    const loopDelayMs = this.#loopDelay.take();
    yield;
    const statAt = clock.monotonic();
    const stat = this.#stat.read(this.#hostCpus === 0 ? undefined : CPU_LINE_BYTES);
    const times = stat === null ? null : parseCpuTimes(stat);
    const hostCpu = this.#hostCpu(times, statAt);
    yield;
    const memory = this.#hostMemory(clock.monotonic());
    if (times === null && memory === null) {
      this.#limitsAt = Number.NEGATIVE_INFINITY;
      this.#looking = null;
      return { ok: false, at, monotonicMs, reason: `neither stat nor meminfo below ${this.#options.procRoot} could be read` };
    }
    if (stat !== null && this.#hostCpus === 0) this.#hostCpus = countCpus(stat);
    if (memory !== null) this.#hostBytes = memory.total;
    yield;
    this.#findLimits(monotonicMs);
    const group = this.#limits?.cpu?.read(clock.monotonic()) ?? null;
    const { percent: ramPercent, used: ramUsedBytes, total: ramTotalBytes } = this.#ram(memory);
    yield;
    const own = this.#limits;
    const cpuPressure = own?.cpu?.pressure?.read(clock.monotonic()) ?? this.#pressure.cpu.read(clock.monotonic());
    yield;
    const memoryPressure = own?.memory?.pressure?.read(clock.monotonic()) ?? this.#pressure.memory.read(clock.monotonic());
    yield;
    const ioPressure = this.#pressure.io.read(clock.monotonic());
    yield;
    return {
      ok: true,
      at,
      monotonicMs,
      scope: this.#scope,
      cpuPercent: group === null ? (hostCpu?.busyPercent ?? null) : group.percent,
      cpuOfQuota: group !== null,
      iowaitPercent: hostCpu?.iowaitPercent ?? null,
      nicePercent: hostCpu?.nicePercent ?? null,
      stealPercent: hostCpu?.stealPercent ?? null,
      cpuThrottledPercent: group?.throttledPercent ?? null,
      cpuPressure,
      memoryPressure,
      ioPressure,
      ramPercent,
      ramUsedBytes,
      ramTotalBytes,
      swapPercent: memory?.swapPercent ?? null,
      disks: disks.read(),
      loopDelayMs,
    };
  }

  close(): void {
    this.#loopDelay.close();
    this.#options.disks.close();
    for (const each of [
      this.#stat,
      this.#meminfo,
      this.#freeLists,
      ...Object.values(this.#pressure),
      this.#limits?.memory,
      this.#limits?.cpu,
    ])
      each?.close();
  }

  #hostCpu(times: CpuTimes | null, monotonicMs: number): ReturnType<typeof cpuShares> {
    if (times === null) return null;
    const before = this.#window.add(monotonicMs, times);
    return before === undefined ? null : cpuShares(before.value, times);
  }

  /** Tmpfs and dirty pages are not available and count as used; clean page cache and the free lists of the CPUs do not. */
  #hostMemory(monotonicMs: number): MeminfoReading | null {
    const text = this.#meminfo.read();
    if (text === null) return null;
    const total = numberAfter(text, 'MemTotal');
    const available = numberAfter(text, 'MemAvailable');
    if (total === null || available === null || total === 0) return null;
    // In one go with it: what is in neither when a list is emptied would be a hog.
    const matters = (total - available) * 100 >= total * this.#options.ramMattersFromPercent;
    const inLists = this.#freeLists.read(monotonicMs, total * 1024, matters);
    const used = total * 1024 - availableBytes(available * 1024, inLists, total * 1024);
    return { total: total * 1024, used: Math.max(0, used), swapPercent: swapOf(text) };
  }

  #ram(memory: MeminfoReading | null): { percent: number | null; used: number | null; total: number | null } {
    const group = this.#limits?.memory ?? null;
    const total = group?.limit.bytes ?? memory?.total ?? null;
    const used = group !== null ? group.read() : (memory?.used ?? null);
    const percent = used === null || total === null ? null : Math.min(100, (used * 100) / total);
    return { percent, used, total };
  }

  /** The first time at once; after that one step with each sample, which would else be blocked by twenty reads now and then. */
  #findLimits(monotonicMs: number): void {
    if (this.#looking === null && monotonicMs - this.#limitsAt < limitsEveryMs) return;
    if (this.#looking === null) {
      const isFirst = this.#limitsAt === Number.NEGATIVE_INFINITY;
      this.#limitsAt = monotonicMs;
      if (this.#options.scope === 'auto') {
        const steps = openGroupLimits(this.#options, this.#hostBytes, this.#hostCpus);
        if (isFirst) this.#take(atOnce(steps));
        else this.#looking = steps;
      }
    } else {
      const { done, value } = this.#looking.next();
      if (done === true) {
        this.#looking = null;
        this.#take(value);
      }
    }
    if (this.#looking === null) this.#scope = scopeOf(this.#limits, this.#hostBytes, this.#hostCpus);
  }

  /** The same limits as before: the old readers have a window, the new ones would begin with "no reading". */
  #take(found: GroupLimits): void {
    const [keep, drop] = found.fingerprint === this.#limits?.fingerprint ? [this.#limits, found] : [found, this.#limits];
    drop?.memory?.close();
    drop?.cpu?.close();
    this.#limits = keep;
  }
}

function swapOf(meminfo: string): number | null {
  const total = numberAfter(meminfo, 'SwapTotal');
  const free = numberAfter(meminfo, 'SwapFree');
  return total === null || free === null || total === 0 ? null : ((total - free) * 100) / total;
}
