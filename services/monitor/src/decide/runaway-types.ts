import type { Level } from './level-types.js';
import type { ProcessDescription, ProcessFact } from './runaway-process.js';
import type { OwnProcesses, Sparing } from './runaway-sparing.js';

/** How the last plan ended; the result words are those of the kill. */
export interface PreviousKill {
  readonly pid: number;
  readonly startTime: number;
  readonly result: 'terminated' | 'killed' | 'already-gone' | 'identity-changed' | 'not-permitted' | 'dry-run' | 'survived';
  /** Epoch ms at which the outcome was known (the victim gone, or given up). */
  readonly at: number;
}

/** What a decision on a victim needs to know. */
export interface RunawayFacts {
  /** The effective level. */
  readonly level: Level;
  /** The newest sample; `at` is epoch ms. */
  readonly sample: {
    readonly at: number;
    readonly ramPercent: number | null;
    readonly ramTotalBytes: number | null;
    readonly cpuPercent: number | null;
    readonly cpuPressure: number | null;
  };
  /** Since when CPU has been over its emergency bound without a break (epoch ms), as the level decision counts it. */
  readonly cpuOverSince: number | null;
  readonly processes: readonly ProcessFact[];
  /** The lines of our own /proc/self/cgroup where the sample stands for that group alone; null where it stands for the host. */
  readonly withinGroup: string | null;
  readonly own: OwnProcesses;
  /** A plan is being carried out right now. */
  readonly killing: boolean;
  readonly previous: PreviousKill | null;
  /** Victims that signals could not end or may not reach: never chosen again. */
  readonly givenUp: readonly { readonly pid: number; readonly startTime: number }[];
}

/** One victim, why, and how. */
export interface RunawayPlan {
  readonly mode: 'dry-run' | 'on';
  readonly metric: 'ram' | 'cpu';
  readonly victim: ProcessDescription & { readonly startTime: number; readonly service: string | null };
  readonly reason: string;
  /** Time between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  readonly decidedAt: number;
  readonly evidence: RunawayEvidence;
}

/** What the operator needs in order to judge the kill afterwards. */
export interface RunawayEvidence {
  readonly ramPercent: number | null;
  readonly cpuPercent: number | null;
  readonly cpuPressure: number | null;
  readonly byRss: readonly ProcessDescription[];
  readonly byCpu: readonly ProcessDescription[];
  /** Processes larger than the victim, and why each was spared. */
  readonly spared: readonly (ProcessDescription & { readonly why: Sparing })[];
}
