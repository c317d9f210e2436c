import { numbersFrom } from './parse-number.js';

/** Ticks since boot, as the first line of /proc/stat has them. */
export interface CpuTimes {
  readonly busy: number;
  readonly idle: number;
  readonly iowait: number;
  /** Parts of `busy`: work of low priority, and time that the hypervisor gave to others. */
  readonly nice: number;
  readonly steal: number;
}

/** Shares of a window, in percent. */
export interface CpuShares {
  readonly busyPercent: number;
  readonly iowaitPercent: number;
  readonly nicePercent: number;
  readonly stealPercent: number;
}

/** Fewer ticks than this over all CPUs are noise: one tick would move the figure by more than 10 points. */
const fewestTicks = 10;

/**
 * Reads the `cpu` line. Busy is user + nice + system + irq + softirq + steal. Nice counts: a CPU that computes is busy,
 * whoever asked (Monit leaves it out and sees 3 % where both cores burn). Guest and guest_nice are contained in user and
 * nice. Steal counts: the hypervisor has given that time to others, so we do not have it. Iowait is not busy.
 */
export function parseCpuTimes(stat: string): CpuTimes | null {
  if (!stat.startsWith('cpu ')) return null;
  const [user, nice, system, idle, iowait = 0, irq = 0, softirq = 0, steal = 0] = numbersFrom(stat, 4);
  if (user === undefined || nice === undefined || system === undefined || idle === undefined) return null;
  return { busy: user + nice + system + irq + softirq + steal, idle, iowait, nice, steal };
}

/**
 * Shares between two readings; null when hardly anything was counted in between. (resource_guard.py reads 0.0 % there,
 * which lets everything run under full load.) The kernel's counters may step back a little, which counts as standing still.
 */
export function cpuShares(before: CpuTimes, after: CpuTimes): CpuShares | null {
  const moved = (which: keyof CpuTimes) => Math.max(0, after[which] - before[which]);
  const total = moved('busy') + moved('idle') + moved('iowait');
  if (total < fewestTicks) return null;
  const share = (which: keyof CpuTimes) => Math.min(100, (moved(which) * 100) / total);
  return {
    busyPercent: share('busy'),
    iowaitPercent: share('iowait'),
    nicePercent: share('nice'),
    stealPercent: share('steal'),
  };
}

/** The number of CPUs that /proc/stat lists. */
export function countCpus(stat: string): number {
  return stat.match(/^cpu\d/gm)?.length ?? 0;
}
