import type { LevelReadings, MetricName, RaisedLevel } from './level-types.js';

/** How one metric enters and leaves one level. */
export interface LevelBound {
  /** Percent. */
  readonly at: number;
  /** True: only above `at`. False: at it or above it. */
  readonly exclusive: boolean;
  /** Entered when readings have been over the bound for this long … */
  readonly enterAfterMs: number;
  /** … and at least this many in a row said so, which a jumping wall clock cannot fake. */
  readonly enterAfterSamples: number;
}

/** One metric's bounds; a metric without an emergency (disk) has no such key. */
export interface MetricPolicy {
  readonly bounds: { readonly [level in RaisedLevel]?: LevelBound };
  /** Points below the bound at which a reading counts as calm. */
  readonly margin: number;
  /** A level is left after this long of unbroken calm. */
  readonly calmMs: number;
}

/** Everything that the level decision may be told by configuration. */
export interface LevelPolicy {
  readonly cpu: MetricPolicy;
  readonly ram: MetricPolicy;
  readonly disk: MetricPolicy;
  readonly reportCalmMs: number;
  /** Longest planned time between two samples. */
  readonly intervalMs: number;
  /** Without a reading for so many intervals we are blind. */
  readonly blindAfterIntervals: number;
}

/** The thresholds of `ops.yaml`, in percent. */
export interface LevelThresholds {
  readonly cpu: { readonly warn: number; readonly critical: number; readonly emergency: number };
  readonly ram: { readonly warn: number; readonly critical: number; readonly emergency: number };
  readonly disk: { readonly warn: number; readonly critical: number };
}

/** The times of `ops.yaml`, in milliseconds and points. Each default says its reason. */
export interface LevelTimes {
  readonly cpuEnterMs: number;
  readonly cpuEnterSamples: number;
  readonly cpuCalmMs: number;
  readonly cpuMargin: number;
  readonly ramEnterMs: number;
  readonly ramEnterSamples: number;
  readonly ramCalmMs: number;
  readonly ramMargin: number;
  readonly diskEnterMs: number;
  readonly diskEnterSamples: number;
  readonly diskCalmMs: number;
  readonly diskMargin: number;
  readonly reportCalmMs: number;
  readonly intervalMs: number;
  readonly blindAfterIntervals: number;
}

/** The thresholds of the protocol. */
export const defaultLevelThresholds: LevelThresholds = {
  cpu: { warn: 70, critical: 85, emergency: 95 },
  ram: { warn: 75, critical: 85, emergency: 92 },
  disk: { warn: 85, critical: 95 },
};

/** The times of the protocol. */
export const defaultLevelTimes: LevelTimes = {
  // CPU is a rate over a short window: one garbage collection or one compiler start crosses 95 %. Three readings
  // over 300 ms, each over a window of 200 ms or more, are half a second of load, and still answer within about a second of the step.
  cpuEnterMs: 300,
  cpuEnterSamples: 3,
  // Batch work comes in waves of a few seconds; ten seconds outlast the gap between two waves.
  cpuCalmMs: 10_000,
  // Readings of a steady load scatter by about 2 points at 100 ticks a second on two cores.
  cpuMargin: 5,
  // Memory is a stock, not a rate: one reading is the truth, and a hog at full speed leaves no time for a second one.
  ramEnterMs: 0,
  ramEnterSamples: 1,
  ramCalmMs: 10_000,
  // Page cache and allocators move available memory by one or two points all the time.
  ramMargin: 3,
  // Disks fill over minutes; two readings keep a temporary file of an instant from deferring a deployment.
  diskEnterMs: 1_000,
  diskEnterSamples: 2,
  // What frees a disk (prune, rotation) works in steps; half a minute lets it finish before the level is lowered.
  diskCalmMs: 30_000,
  diskMargin: 2,
  // resource_guard.py has no hysteresis: around a threshold it changes its mind with every sample.
  reportCalmMs: 10_000,
  intervalMs: 1_000,
  blindAfterIntervals: 3,
};

/** The default policy: design thresholds and the times above. */
export const defaultLevelPolicy: LevelPolicy = levelPolicy();

/**
 * Builds a policy from configured thresholds and times. Warn and critical are entered at the threshold, emergency
 * only above it (design 4: `>= 70/85`, `> 95`); a disk has no emergency.
 */
export function levelPolicy(thresholds: LevelThresholds = defaultLevelThresholds, times: Partial<LevelTimes> = {}): LevelPolicy {
  const t = { ...defaultLevelTimes, ...times };
  const bound = (at: number, exclusive: boolean, enterAfterMs: number, enterAfterSamples: number): LevelBound => ({
    at,
    exclusive,
    enterAfterMs,
    enterAfterSamples,
  });
  const { cpu, ram, disk } = thresholds;
  return {
    cpu: {
      bounds: {
        warn: bound(cpu.warn, false, t.cpuEnterMs, t.cpuEnterSamples),
        critical: bound(cpu.critical, false, t.cpuEnterMs, t.cpuEnterSamples),
        emergency: bound(cpu.emergency, true, t.cpuEnterMs, t.cpuEnterSamples),
      },
      margin: t.cpuMargin,
      calmMs: t.cpuCalmMs,
    },
    ram: {
      bounds: {
        warn: bound(ram.warn, false, t.ramEnterMs, t.ramEnterSamples),
        critical: bound(ram.critical, false, t.ramEnterMs, t.ramEnterSamples),
        emergency: bound(ram.emergency, true, t.ramEnterMs, t.ramEnterSamples),
      },
      margin: t.ramMargin,
      calmMs: t.ramCalmMs,
    },
    disk: {
      bounds: {
        warn: bound(disk.warn, false, t.diskEnterMs, t.diskEnterSamples),
        critical: bound(disk.critical, false, t.diskEnterMs, t.diskEnterSamples),
      },
      margin: t.diskMargin,
      calmMs: t.diskCalmMs,
    },
    reportCalmMs: t.reportCalmMs,
    intervalMs: t.intervalMs,
    blindAfterIntervals: t.blindAfterIntervals,
  };
}

/**
 * The policy of one metric. CPU that is measured against a quota has no emergency: who uses all that it was given is held back by the quota
 * itself, and overloads nobody else. (Memory at its limit has: the kernel's own kill is next.)
 */
export function policyOf(metric: string, policy: LevelPolicy, cpuOfQuota = false): MetricPolicy {
  if (metric === 'cpu') return cpuOfQuota ? withoutEmergency(policy.cpu) : policy.cpu;
  return metric === 'ram' ? policy.ram : policy.disk;
}

function withoutEmergency({ bounds: { emergency: _, ...bounds }, ...policy }: MetricPolicy): MetricPolicy {
  return { ...policy, bounds };
}

/** The readings of a sample by metric, in a fixed order: cpu, ram, then each disk. */
export function readingsByMetric(sample: LevelReadings): [MetricName, number | null][] {
  return [
    ['cpu', sample.cpuPercent],
    ['ram', sample.ramPercent],
    ...sample.disks.map((disk): [MetricName, number | null] => [`disk:${disk.mount}`, disk.percent]),
  ];
}
