import { existsSync } from 'node:fs';
import { findCpuQuota, findMemoryLimit } from './cgroup-limits.js';
import { findMembership, type GroupPath } from './cgroup-membership.js';
import { GroupCpu, GroupMemory } from './cgroup-usage.js';
import type { HostScope } from './sample.js';
import type { Steps } from './slices.js';

/** Where to look for limits, and what an unlimited group has. */
export interface GroupLimitsOptions {
  readonly procRoot: string;
  readonly cgroupRoot: string;
  /** Files whose existence says "container". */
  readonly containerMarkers: readonly string[];
  readonly minWindowMs: number;
}

/** The limits of the group that we run in, with what reads its usage. */
export interface GroupLimits {
  readonly memory: GroupMemory | null;
  readonly cpu: GroupCpu | null;
  readonly isContainer: boolean;
  /** Changes exactly when the limits do. */
  readonly fingerprint: string;
}

/** Finds the limits that bind us now, in steps of a few small reads each. The caller closes `memory` and `cpu`. */
export function* openGroupLimits(options: GroupLimitsOptions, hostBytes: number, hostCpus: number): Steps<GroupLimits> {
  const membership = yield* findMembership(options.procRoot, options.cgroupRoot);
  const memory = yield* findMemoryLimit(membership?.memory ?? null, hostBytes);
  const quota = yield* findCpuQuota(membership?.cpu ?? null, hostCpus);
  const usageDirectory =
    quota?.version === 1 ? accountOf(quota.directory, membership?.cpu ?? null, membership?.cpuacct ?? null) : null;
  const isContainer = membership?.looksLikeContainer === true || options.containerMarkers.some((path) => existsSync(path));
  return {
    memory: memory === null ? null : new GroupMemory(memory, options.minWindowMs),
    cpu: quota === null ? null : new GroupCpu(quota, usageDirectory, options.minWindowMs),
    isContainer,
    fingerprint: JSON.stringify([memory, quota, usageDirectory, isContainer]),
  };
}

/** What the figures of a sample stand for, given the limits in force. */
export function scopeOf(limits: GroupLimits | null, hostBytes: number, hostCpus: number): HostScope {
  const { memory = null, cpu = null, isContainer = false } = limits ?? {};
  if (memory === null && cpu === null) {
    const why = isContainer ? 'container without limits: the figures are those of the host' : 'no limit below what the host has';
    return { kind: 'host', cpus: hostCpus, memoryBytes: hostBytes, why: limits === null ? 'host, as configured' : why };
  }
  const parts = [
    memory === null
      ? 'memory is the host’s'
      : `memory limited to ${Math.round(memory.limit.bytes / 1_048_576)} MiB (cgroup v${memory.limit.version})`,
    cpu === null
      ? 'CPU is the host’s'
      : `CPU limited to ${cpu.quota.cpus.toFixed(2)} of ${hostCpus} (cgroup v${cpu.quota.version})`,
  ];
  return {
    kind: isContainer ? 'container' : 'cgroup',
    cpus: cpu?.quota.cpus ?? hostCpus,
    memoryBytes: memory?.limit.bytes ?? hostBytes,
    why: parts.join(', '),
  };
}

/** The cpuacct group at the same depth as the group that has the quota. */
function accountOf(directory: string, cpu: GroupPath | null, cpuacct: GroupPath | null): string | null {
  const depth = cpu?.directories.indexOf(directory) ?? -1;
  if (cpu === null || cpuacct === null || depth < 0) return null;
  // The two may be mounted at different places; counted from the root they have the same path.
  return cpuacct.directories.at(depth - cpu.directories.length) ?? null;
}
