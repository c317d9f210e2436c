import type { Level } from './level-types.js';
import type { ContainerFacts } from './runaway-container.js';
import type { RunawayPolicy } from './runaway-policy.js';
import type { ProcessDescription, ProcessFact, ProcessIdentity } from './runaway-process.js';
import type { Judged, OwnProcesses, Sparing } from './runaway-sparing.js';
import type { Metric } from './runaway-unit.js';

/** How the last plan ended; the result words are those of the kill. */
export interface PreviousKill {
  /** Those of its victims that ended like that: who is left of a `survived`, all of a `dry-run`. */
  readonly members: readonly ProcessIdentity[];
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
  /** Since when others have had to wait for a CPU without a break, by the bar of the policy (epoch ms). */
  readonly pressedSince: number | null;
  readonly processes: readonly ProcessFact[];
  /** The lines of our own /proc/self/cgroup where the sample stands for that group alone; null where it stands for the host. */
  readonly withinGroup: string | null;
  readonly own: OwnProcesses;
  readonly containers: ContainerFacts;
  /** A plan is being carried out, or was when the sample was taken. */
  readonly killing: boolean;
  readonly previous: PreviousKill | null;
  /** Victims that signals could not end or may not reach: never chosen again. */
  readonly givenUp: readonly ProcessIdentity[];
}

/**
 * What is chosen from, once every process has its verdict. Plain data but for the command lines, which nothing here looks at: so that a
 * choice can be recorded, and made again.
 */
export type ChoiceFacts = Omit<RunawayFacts, 'processes' | 'own' | 'containers'> & {
  readonly judged: readonly Judged[];
  /** By id. */
  readonly containerNames: Readonly<Record<string, string>>;
};

/** The part of the policy that counts then. */
export type ChoicePolicy = Pick<RunawayPolicy, 'mode' | 'ram' | 'cpu' | 'settleMs' | 'stuckMs' | 'dryRunRepeatMs'>;

/** A process that is to be ended. */
export type Victim = ProcessDescription & ProcessIdentity;

/** One unit, why, and how. */
export interface RunawayPlan {
  readonly mode: 'dry-run' | 'on';
  readonly metric: Metric;
  /** Who gives the unit its name: the leader of the group, or its largest member where the leader is spared. */
  readonly victim: Victim & { readonly service: string | null };
  /** All that was chosen to be ended together, the named one among them; the largest first. */
  readonly members: readonly Victim[];
  /** The container that these are the whole of, or live in as what it lives by: it is ended through its engine, with what nobody named in it. */
  readonly container: { readonly id: string; readonly name: string | null } | null;
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
  /** Processes larger than what was chosen, and why each was spared. */
  readonly spared: readonly (ProcessDescription & { readonly why: Sparing })[];
}
