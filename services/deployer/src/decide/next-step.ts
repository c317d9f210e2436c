import type { Step } from '../deployment-types.js';

const NEXT: Readonly<Record<Step, Step | 'succeeded' | 'rolled-back'>> = {
  gate: 'plan',
  plan: 'pre-flight',
  'pre-flight': 'approval',
  approval: 'backup',
  backup: 'apply',
  apply: 'verify',
  verify: 'watch',
  watch: 'succeeded',
  'roll-back': 'rolled-back',
};

/** What follows a step that went well. */
export function nextStep(step: Step): Step | 'succeeded' | 'rolled-back' {
  return NEXT[step];
}

/**
 * Where a deployment goes on after somebody has died or it has waited. After a wait it begins at the gate again, and the plan is made
 * anew: the world may have moved. From the first touch on it goes on where it was.
 */
export function resumeStep(step: Step, touched: boolean, waited: boolean): Step {
  if (touched) return step;
  return waited ? 'gate' : step;
}
