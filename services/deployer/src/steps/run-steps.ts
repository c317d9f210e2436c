import type { Step } from '../deployment-types.js';
import { apply } from './apply.js';
import { approval } from './approval.js';
import { backup } from './backup.js';
import { gate } from './gate.js';
import { plan } from './plan.js';
import { preFlight } from './pre-flight.js';
import { rollBack } from './roll-back.js';
import type { Run, StepResult } from './step.js';
import { verify } from './verify.js';
import { watch } from './watch.js';

/** Each step of a deployment, by its name. */
export const STEP_ACTIONS: Readonly<Record<Step, (run: Run) => Promise<StepResult>>> = {
  gate,
  plan,
  'pre-flight': preFlight,
  approval,
  backup,
  apply,
  verify,
  watch,
  'roll-back': rollBack,
};
