import { join } from 'node:path';
import type { CpuQuota, MemoryLimit } from './cgroup-limits.js';
import { KeptFile } from './kept-file.js';
import { numberAfter, onlyNumber } from './parse-number.js';
import { Pressure } from './pressure.js';
import { SlidingWindow } from './sliding-window.js';

/** Memory of a limited group. */
export class GroupMemory {
  readonly limit: MemoryLimit;
  /** The group's own pressure; version 2 only. */
  readonly pressure: Pressure | null;
  readonly #usage: KeptFile;
  readonly #stat: KeptFile;

  constructor(limit: MemoryLimit, minWindowMs: number) {
    this.limit = limit;
    this.pressure = limit.version === 2 ? new Pressure(join(limit.directory, 'memory.pressure'), minWindowMs) : null;
    this.#usage = new KeptFile(join(limit.directory, limit.version === 2 ? 'memory.current' : 'memory.usage_in_bytes'), 64);
    this.#stat = new KeptFile(join(limit.directory, 'memory.stat'), 8192);
  }

  /**
   * Bytes in use, without the page cache that the kernel gives back first (inactive_file): what `docker stats` shows.
   * With it, a group that has read a large file looks full.
   */
  read(): number | null {
    const usage = onlyNumber(this.#usage.read());
    if (usage === null) return null;
    const inactive = numberAfter(this.#stat.read() ?? '', this.limit.version === 2 ? 'inactive_file' : 'total_inactive_file');
    return Math.max(0, usage - (inactive ?? 0));
  }

  close(): void {
    this.pressure?.close();
    this.#usage.close();
    this.#stat.close();
  }
}

interface Counters {
  readonly usedMs: number;
  readonly periods: number;
  readonly throttled: number;
}

/** CPU of a group with a quota. */
export class GroupCpu {
  readonly quota: CpuQuota;
  /** The group's own pressure, which being throttled adds to; version 2 only. */
  readonly pressure: Pressure | null;
  readonly #stat: KeptFile;
  /** Version 1 only: nanoseconds, in a controller of its own. */
  readonly #usage: KeptFile | null;
  readonly #window: SlidingWindow<Counters>;

  /** `usageDirectory` is the group of cpuacct that belongs to the quota's group (version 1). */
  constructor(quota: CpuQuota, usageDirectory: string | null, minWindowMs: number) {
    this.quota = quota;
    this.pressure = quota.version === 2 ? new Pressure(join(quota.directory, 'cpu.pressure'), minWindowMs) : null;
    this.#stat = new KeptFile(join(quota.directory, 'cpu.stat'), 2048);
    this.#usage = usageDirectory === null ? null : new KeptFile(join(usageDirectory, 'cpuacct.usage'), 64);
    this.#window = new SlidingWindow(minWindowMs);
  }

  /** Percent of the quota that was used, and percent of its periods that were throttled; null for no reading. */
  read(monotonicMs: number): { readonly percent: number | null; readonly throttledPercent: number | null } {
    const counters = this.#counters();
    if (counters === null) {
      this.#window.clear();
      return { percent: null, throttledPercent: null };
    }
    const before = this.#window.add(monotonicMs, counters);
    const elapsed = before === undefined ? 0 : monotonicMs - before.at;
    if (before === undefined || elapsed <= 0) return { percent: null, throttledPercent: null };
    const used = counters.usedMs - before.value.usedMs;
    const periods = counters.periods - before.value.periods;
    const throttled = counters.throttled - before.value.throttled;
    return {
      percent: used < 0 ? null : Math.min(100, (used * 100) / (elapsed * this.quota.cpus)),
      throttledPercent: periods > 0 ? Math.min(100, Math.max(0, (throttled * 100) / periods)) : null,
    };
  }

  close(): void {
    this.pressure?.close();
    this.#stat.close();
    this.#usage?.close();
  }

  #counters(): Counters | null {
    const stat = this.#stat.read();
    if (stat === null) return null;
    const micros = numberAfter(stat, 'usage_usec');
    const nanos = this.#usage === null ? null : onlyNumber(this.#usage.read());
    const usedMs = this.quota.version === 2 ? (micros === null ? null : micros / 1e3) : nanos === null ? null : nanos / 1e6;
    if (usedMs === null) return null;
    return { usedMs, periods: numberAfter(stat, 'nr_periods') ?? 0, throttled: numberAfter(stat, 'nr_throttled') ?? 0 };
  }
}
