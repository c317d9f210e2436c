import { decideLevel, initialLevelState } from '../../src/decide/level.js';
import { defaultLevelPolicy, type LevelPolicy } from '../../src/decide/level-policy.js';
import type { LevelChange, LevelReadings, LevelReport, LevelState } from '../../src/decide/level-types.js';

/** Where the tests' clock begins; not 0, so that "since" is never mistaken for "never". */
export const start = 1_000_000;

/** Readings that are far from every threshold, but for what is given. */
export function readings(over: Partial<{ cpu: number | null; ram: number | null; disk: number | null }> = {}): LevelReadings {
  const { cpu = 10, ram = 20, disk = 30 } = over;
  return { cpuPercent: cpu, ramPercent: ram, disks: [{ mount: '/', percent: disk }] };
}

/** Drives the decision by a fake clock and keeps every change. */
export class LevelRun {
  state: LevelState;
  now: number;
  readonly changes: LevelChange[] = [];
  readonly policy: LevelPolicy;

  constructor(policy: LevelPolicy = defaultLevelPolicy, state: LevelState = initialLevelState(start), now = start) {
    this.policy = policy;
    this.state = state;
    this.now = now;
  }

  /** A run that has seen a calm host. */
  static calm(policy?: LevelPolicy): LevelRun {
    const run = new LevelRun(policy);
    run.step(readings());
    run.changes.length = 0;
    return run;
  }

  step(sample: LevelReadings | null, options: { afterMs?: number; report?: LevelReport } = {}): LevelState['level'] {
    this.now += options.afterMs ?? 250;
    const { state, change } = decideLevel(this.state, { sample, report: options.report ?? null }, this.policy, this.now);
    this.state = state;
    if (change) this.changes.push(change);
    return state.level;
  }

  /** The same readings every `everyMs` for `forMs`. */
  hold(sample: LevelReadings | null, forMs: number, everyMs = 250): LevelState['level'] {
    for (let passed = 0; passed < forMs; passed += everyMs) this.step(sample, { afterMs: everyMs });
    return this.state.level;
  }

  report(level: LevelReport['level'], lastsMs: number, source = 'resource_guard'): LevelReport {
    return { level, at: this.now, expiresAt: this.now + lastsMs, source };
  }
}
