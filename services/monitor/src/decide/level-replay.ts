import { decideLevel } from './level.js';
import type { LevelPolicy } from './level-policy.js';
import type { Level, LevelCause, LevelChange, LevelInput, LevelReadings, LevelRule, LevelState } from './level-types.js';

/** One decision that changed the level, with everything that it was made from: plain data, so that it can be made again. */
export interface LevelDecision {
  readonly kind: 'level';
  readonly at: number;
  readonly from: Level;
  readonly to: Level;
  readonly cause: LevelCause;
  readonly reason: string;
  readonly rule: LevelRule;
  readonly state: LevelState;
  readonly input: LevelInput;
  readonly policy: LevelPolicy;
}

/** Records a change with what it came from. Of the sample only the readings that the decision looks at. */
export function recordDecision(change: LevelChange, state: LevelState, input: LevelInput, policy: LevelPolicy): LevelDecision {
  const { at, from, to, cause, reason, rule } = change;
  const { sample, report = null } = input;
  return { kind: 'level', at, from, to, cause, reason, rule, state, input: { sample: readingsOnly(sample), report }, policy };
}

/** Makes a recorded decision again, and says whether it comes out the same. */
export function replayDecision({ at, to, cause, reason, state, input, policy }: LevelDecision): {
  readonly same: boolean;
  readonly level: Level;
  readonly reason: string;
} {
  const again = decideLevel(state, input, policy, at);
  const { change } = again;
  const same = change?.to === to && change.cause === cause && change.reason === reason;
  return { same, level: again.state.level, reason: change?.reason ?? `nothing changes: ${state.level} stays` };
}

function readingsOnly(sample: LevelReadings | null): LevelReadings | null {
  if (sample === null) return null;
  const { cpuPercent, ramPercent, disks, cpuOfQuota = false } = sample;
  return { cpuPercent, ramPercent, disks: disks.map(({ mount, percent }) => ({ mount, percent })), cpuOfQuota };
}
