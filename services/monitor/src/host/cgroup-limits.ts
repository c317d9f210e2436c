import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GroupPath } from './cgroup-membership.js';
import { onlyNumber } from './parse-number.js';
import type { Steps } from './slices.js';

/** A memory limit that is in force, and the group that has it. */
export interface MemoryLimit {
  readonly version: 1 | 2;
  readonly directory: string;
  readonly bytes: number;
}

/** A CPU quota that is in force, in CPUs (0.5 is half of one). */
export interface CpuQuota {
  readonly version: 1 | 2;
  readonly directory: string;
  readonly cpus: number;
}

/**
 * The tightest memory limit of our group and those above it; null when none is below what the host has. Version 2:
 * memory.max. Version 1: memory.limit_in_bytes, where "none" is a number near 2^63.
 */
export function* findMemoryLimit(group: GroupPath | null, hostBytes: number): Steps<MemoryLimit | null> {
  if (group === null) return null;
  const file = group.version === 2 ? 'memory.max' : 'memory.limit_in_bytes';
  return yield* tightest(
    group.directories,
    hostBytes,
    (directory) => {
      const bytes = onlyNumber(readOr(join(directory, file)));
      return bytes === null ? null : { version: group.version, directory, bytes };
    },
    (limit) => limit.bytes,
  );
}

/** The tightest CPU quota likewise. Version 2: cpu.max (`50000 100000`). Version 1: cpu.cfs_quota_us and cpu.cfs_period_us. */
export function* findCpuQuota(group: GroupPath | null, hostCpus: number): Steps<CpuQuota | null> {
  if (group === null) return null;
  return yield* tightest(
    group.directories,
    hostCpus,
    (directory) => {
      const [quota, period] = group.version === 2 ? quotaOfVersion2(directory) : quotaOfVersion1(directory);
      if (quota === null || period === null || quota <= 0 || period <= 0) return null;
      return { version: group.version, directory, cpus: quota / period };
    },
    (limit) => limit.cpus,
  );
}

/** One step is one group. */
function* tightest<T>(
  directories: readonly string[],
  unlimited: number,
  read: (directory: string) => T | null,
  size: (limit: T) => number,
): Steps<T | null> {
  let best: T | null = null;
  for (const directory of directories) {
    const limit = read(directory);
    if (limit !== null && size(limit) < (best === null ? unlimited : size(best))) best = limit;
    yield;
  }
  return best;
}

function quotaOfVersion2(directory: string): [number | null, number | null] {
  const [quota, period] = (readOr(join(directory, 'cpu.max')) ?? '').trim().split(' ');
  return [onlyNumber(quota ?? null), onlyNumber(period ?? null)];
}

function quotaOfVersion1(directory: string): [number | null, number | null] {
  return [onlyNumber(readOr(join(directory, 'cpu.cfs_quota_us'))), onlyNumber(readOr(join(directory, 'cpu.cfs_period_us')))];
}

function readOr(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}
