import type { Condition } from '../../src/decide/conditions.js';

/** The condition that the CRM is down, in a state. */
export const conditionOf = (state: Condition['state'], over: Partial<Condition> = {}): Condition => ({
  name: 'down',
  service: 'crm',
  metric: 'health',
  state,
  severity: 'critical',
  status: state,
  threshold: 'up',
  current_value: state,
  summary: `crm is ${state}`,
  at: 0,
  since: over.at ?? 0,
  depends_on: [],
  affects: [],
  ...over,
});
