import { existsSync } from 'node:fs';
import { DiskWatch } from './disks.js';
import { LinuxSampler } from './linux-sampler.js';
import { PortableSampler } from './portable-sampler.js';
import { type HostSampler, type SampleClock, systemClock } from './sample.js';

/** Everything has a default; `mounts` are the file systems to watch. */
export interface HostSamplerOptions {
  readonly mounts?: readonly string[];
  /** `linux`: /proc. `portable`: libuv and systeminformation. `auto` (default): by what the machine has. */
  readonly source?: 'auto' | 'linux' | 'portable';
  /** `auto` (default): our own group's limits, where it has any. `host`: the machine, whatever binds us. */
  readonly scope?: 'auto' | 'host';
  /** For a mounted host (`/host/proc`) or a captured tree. */
  readonly procRoot?: string;
  readonly cgroupRoot?: string;
  readonly containerMarkers?: readonly string[];
  /** Shortest window of a rate, in milliseconds. */
  readonly minWindowMs?: number;
  /** Below so much RAM in use nothing is decided by it, in percent; 0 (default) where that is not known. */
  readonly ramMattersFromPercent?: number;
  /** A mount that has not answered for so long is unknown, in milliseconds. */
  readonly diskDeadlineMs?: number;
  readonly diskRefreshMs?: number;
  /** Below so much of a disk in use no level is entered for it, in percent; 0 (default) where that is not known. */
  readonly diskMattersFromPercent?: number;
  readonly clock?: SampleClock;
}

/** 200 ms are 40 ticks on two CPUs: steps of 2.5 points, four readings within the time that a CPU level needs. */
const defaultMinWindowMs = 200;

/**
 * Opens the sampler that fits the machine and takes the reading that the first rates are counted from. It settles as
 * soon as every mount has answered, or `diskDeadlineMs` have passed; it fails for nothing but a bug.
 */
export async function openHostSampler(options: HostSamplerOptions = {}): Promise<HostSampler> {
  const clock = options.clock ?? systemClock;
  const procRoot = options.procRoot ?? '/proc';
  const minWindowMs = options.minWindowMs ?? defaultMinWindowMs;
  const disks = new DiskWatch(options.mounts ?? ['/'], () => clock.monotonic(), {
    deadlineMs: options.diskDeadlineMs ?? 1_000,
    refreshMs: options.diskRefreshMs ?? 1_000,
    mattersFromPercent: options.diskMattersFromPercent ?? 0,
  });
  const source = options.source ?? 'auto';
  const isLinux = source === 'linux' || (source === 'auto' && process.platform === 'linux' && existsSync(`${procRoot}/stat`));
  if (isLinux) {
    const sampler = new LinuxSampler({
      procRoot,
      cgroupRoot: options.cgroupRoot ?? '/sys/fs/cgroup',
      containerMarkers: options.containerMarkers ?? ['/.dockerenv', '/run/.containerenv'],
      scope: options.scope ?? 'auto',
      minWindowMs,
      ramMattersFromPercent: options.ramMattersFromPercent ?? 0,
      disks,
      clock,
    });
    sampler.sample();
    await disks.answered();
    return sampler;
  }
  const sampler = new PortableSampler({ readMemory: await systemInformationMemory(), disks, clock, minWindowMs });
  await Promise.all([sampler.prime(), disks.answered()]);
  return sampler;
}

/** Loaded only where it is needed: a Linux monitor does without its memory. */
async function systemInformationMemory(): Promise<() => Promise<{ used: number; total: number }>> {
  const { mem } = await import('systeminformation');
  return async () => {
    const { active, total } = await mem();
    return { used: active, total };
  };
}
