import { expect, test } from 'vitest';
import { type DueFacts, whenDue } from '../../src/decide/retry.js';

const NOW = Date.UTC(2027, 0, 5, 12);
const FACTS: DueFacts = { class: 'non-revenue', level: 'normal', newer: undefined, own_retry_at: undefined };

test.each<[string, Partial<DueFacts>, object]>([
  ['nothing else has run', {}, { kind: 'start' }],
  ['a later run went well', { newer: { verdict: 'succeeded', trigger: 'schedule' } }, { kind: 'superseded', failed: false }],
  ['a later slot failed too', { newer: { verdict: 'failed', trigger: 'schedule' } }, { kind: 'superseded', failed: true }],
  ['its own attempt failed too', { newer: { verdict: 'failed', trigger: 'source-retry' } }, { kind: 'start' }],
  ['a later run is under way', { newer: { verdict: null, trigger: 'schedule' } }, { kind: 'wait' }],
  ['the guard is at critical', { level: 'critical' }, { kind: 'wait' }],
  ['the guard is at critical, and it is revenue work', { level: 'critical', class: 'revenue' }, { kind: 'start' }],
  ['the guard is at emergency', { level: 'emergency', class: 'revenue' }, { kind: 'wait' }],
])('a retry that is due: %s', (_what, facts, plan) => {
  expect(whenDue({ ...FACTS, ...facts }, NOW)).toMatchObject(plan);
});
