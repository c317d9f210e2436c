import { startedEvent } from '../events.js';
import { orchestratorOf } from './orchestrator.js';
import { heldAtGate, planOf, type Run, type StepResult, withReading } from './step.js';

/** 6. The change itself. Done again after a crash it comes to the same end: what is done already is left. */
export async function apply(run: Run): Promise<StepResult> {
  const { deployer, journal } = run;
  const plan = planOf(run);
  if (!run.deployment.touched) {
    const held = await heldAtGate(run, 'apply');
    if (held.kind !== 'open') return held;
    const level = held.view.level === 'warn' ? 'warn' : 'normal';
    const now = deployer.clock.now();
    run.deployment = await journal.note({ touched: true, facts: withReading(run, 'apply', held.view) }, [
      startedEvent(run.deployment, level, now),
    ]);
  }
  const failed = await orchestratorOf(run).change(run);
  if (failed !== undefined) return failed;
  return { kind: 'done', detail: plan.services.map(({ service, change }) => `${change} ${service}`).join(', ') };
}
