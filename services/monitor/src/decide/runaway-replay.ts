import { chooseVictim } from './runaway.js';
import type { ChoiceFacts, ChoicePolicy, RunawayPlan } from './runaway-types.js';

/**
 * A choice of a victim with everything that it was made from: who used what, the verdict on each, and the numbers of the policy. Of command
 * lines, which may hold passwords, nothing; what they were asked for stands in the verdicts.
 */
export interface RunawayDecision {
  readonly kind: 'runaway';
  readonly at: number;
  readonly plan: RunawayPlan;
  readonly facts: ChoiceFacts;
  readonly policy: ChoicePolicy;
}

/** Records a plan with what it came from. */
export function recordRunaway(plan: RunawayPlan, facts: ChoiceFacts, policy: ChoicePolicy): RunawayDecision {
  const { mode, ram, cpu, settleMs, stuckMs, dryRunRepeatMs } = policy;
  // Of the sample what the choice looks at.
  const { at, ramPercent, ramTotalBytes, cpuPercent, cpuPressure } = facts.sample;
  const { level, cpuOverSince, pressedSince, withinGroup, killing, previous, givenUp, containerNames } = facts;
  const judged = facts.judged.map((each) => ({ ...each, process: { ...each.process, commandLine: null } }));
  return {
    kind: 'runaway',
    at: plan.decidedAt,
    plan,
    facts: {
      level,
      sample: { at, ramPercent, ramTotalBytes, cpuPercent, cpuPressure },
      cpuOverSince,
      pressedSince,
      withinGroup,
      killing,
      previous,
      givenUp,
      containerNames,
      judged,
    },
    policy: { mode, ram, cpu, settleMs, stuckMs, dryRunRepeatMs },
  };
}

/** Makes a recorded choice again, and says whether the same are ended for the same reason. */
export function replayRunaway({ at, plan, facts, policy }: RunawayDecision): { readonly same: boolean; readonly reason: string } {
  const again = chooseVictim(facts, policy, at);
  // As text: one of them comes from a file.
  return { same: JSON.stringify(again) === JSON.stringify(plan), reason: again?.reason ?? 'nobody is ended' };
}
