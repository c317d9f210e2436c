import type { Deployment } from '../deployment-types.js';
import { heldByRemediation } from './remediation.js';
import { askGate, heldAtGate, type Run, requestOf, type StepResult, withReading } from './step.js';

/** 1. Whether anything may be deployed at all now. A dry run touches nothing, and is free at every level. */
export async function gate(run: Run): Promise<StepResult> {
  if (requestOf(run).dryRun) {
    const { view, verdict } = await askGate(run);
    const detail =
      verdict.kind === 'open' ? `the guard is at ${view.level}` : `a deployment would be ${verdict.kind}: ${verdict.reason}`;
    return { kind: 'done', detail, change: { facts: withReading(run, 'gate', view) } };
  }
  const held = await heldAtGate(run, 'gate');
  if (held.kind !== 'open') return held;
  const paused = await heldByRemediation(run);
  if (paused !== undefined) return { ...paused, change: { facts: withoutHold(withReading(run, 'gate', held.view)) } };
  return {
    kind: 'done',
    detail: `the guard is at ${held.view.level}`,
    change: { facts: withoutHold(withReading(run, 'gate', held.view)) },
  };
}

function withoutHold({ held_since: _over, ...facts }: Deployment['facts']): Deployment['facts'] {
  return facts;
}
