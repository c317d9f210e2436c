import { heldAtGate, type Run, type StepResult, withReading } from './step.js';

/** 1. Whether anything may be deployed at all now. */
export async function gate(run: Run): Promise<StepResult> {
  const held = await heldAtGate(run, 'gate');
  if (held.kind !== 'open') return held;
  return { kind: 'done', detail: `the guard is at ${held.view.level}`, change: { facts: withReading(run, 'gate', held.view) } };
}
