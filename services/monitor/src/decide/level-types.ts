/** The words of the level decision: readings in, state kept, change out. All of it is plain data and survives JSON. */

/** A level that can be entered, least to worst. */
export type KnownLevel = 'normal' | 'warn' | 'critical' | 'emergency';

/** The effective level; `unknown` means that nobody can see the host. */
export type Level = KnownLevel | 'unknown';

/** A level that has a bound of its own. */
export type RaisedLevel = Exclude<KnownLevel, 'normal'>;

/** `cpu`, `ram`, or one mounted file system. Each mount is decided by itself: a full disk may not hide behind an empty one. */
export type MetricName = 'cpu' | 'ram' | `disk:${string}`;

/** What one sample says, in percent; null is "no reading" and never counts as low. */
export interface LevelReadings {
  readonly cpuPercent: number | null;
  readonly ramPercent: number | null;
  readonly disks: readonly { readonly mount: string; readonly percent: number | null }[];
  /** CPU is a share of a quota that binds our own group, not of the machine. */
  readonly cpuOfQuota?: boolean;
}

/** What another guard says about this host. Counts until `expiresAt` (epoch ms), then no longer. */
export interface LevelReport {
  readonly level: KnownLevel;
  readonly at: number;
  readonly expiresAt: number;
  readonly source: string;
}

/** One evaluation: a sample, or null when there is none; `report` is the newest report that arrived, if any. */
export interface LevelInput {
  readonly sample: LevelReadings | null;
  readonly report?: LevelReport | null;
}

/** Since when (epoch ms) a reading has stayed on one side of a bound, and how many readings said so. */
export interface Streak {
  readonly since: number;
  readonly samples: number;
}

/** One metric's memory. `level` is null until it was seen clearly once. */
export interface MetricState {
  readonly level: KnownLevel | null;
  readonly lastReading: number | null;
  /** Epoch ms of the last reading (or of the restart, which grants the same patience). */
  readonly seenAt: number;
  /** Unbroken time at or above each bound; goes on after the level was entered, as the proof for a kill. */
  readonly above: { readonly [level in RaisedLevel]?: Streak };
  /** Unbroken time below each bound minus its margin. */
  readonly calm: { readonly [level in RaisedLevel]?: Streak };
}

/** What one source's reports add up to: held for a calm time as a metric is, but never past the expiry of the report that said it. */
export interface ReportState {
  readonly level: KnownLevel;
  readonly expiresAt: number;
  /** The newest report, which may already be lower than `level`. */
  readonly latest: LevelReport;
  /** Since when every report was lower than `level`. */
  readonly calmSince: number | null;
}

/** Everything that the decision remembers. */
export interface LevelState {
  readonly level: Level;
  /** Epoch ms at which `level` was entered. */
  readonly since: number;
  readonly metrics: { readonly [metric: string]: MetricState };
  /** One entry a source. */
  readonly reports: readonly ReportState[];
}

/** Which rule changed the level, with the numbers that it looked at. Percent and milliseconds; null where a number has no part in it. */
export interface LevelRule {
  readonly name: 'entered' | 'held' | 'left' | 'reported' | 'no-longer-reported' | 'blind' | 'seen-again';
  readonly reading: number | null;
  readonly threshold: number | null;
  readonly margin: number | null;
  readonly forMs: number | null;
  readonly readings: number | null;
}

/** What made the level what it now is. */
export type LevelCause = MetricName | 'report' | 'blind' | 'sight';

/** A change of the effective level, ready to be announced. `reason` is one sentence. */
export interface LevelChange {
  readonly from: Level;
  readonly to: Level;
  readonly at: number;
  readonly reason: string;
  readonly readings: LevelReadings;
  readonly cause: LevelCause;
  readonly rule: LevelRule;
}
