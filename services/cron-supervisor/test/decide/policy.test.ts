import { parseConfig } from '@ops/shared/config';
import { expect, test } from 'vitest';
import { type PolicyFacts, policyOf } from '../../src/decide/policy.js';

const RULES = 'rules: [{ job: heartbeat/a, grace: 1s }, { job: heartbeat/name, grace: 2s }]';
const configOf = (cron: string) =>
  parseConfig(`inventory: { services: [{ name: thing, health: { tcp: { port: 1 } } }] }\ncron: ${cron}`);
const judged = ({ job, ...facts }: Partial<Omit<PolicyFacts, 'job'>> & { job?: Partial<PolicyFacts['job']> }, cron = '{}') =>
  policyOf(
    {
      job: { id: 'a', name: 'name', start_tolerance_ms: 500, may_be_empty: false, ...job },
      source: 'heartbeat',
      override: undefined,
      learned_ms: undefined,
      ...facts,
    },
    configOf(cron),
  );
const said = { expected: 30_000, grace: 3000 };
const set = { expected: 40_000, grace: 4000 };

test('where nobody has said anything the defaults hold, and the source itself may be late on top', () => {
  expect(judged({})).toEqual({
    expected_ms: null,
    expected_from: 'default',
    grace_ms: 60_500,
    retry: true,
    kill: true,
    output: {},
    class: 'non-revenue',
  });
});

test.each([
  ['what was learned', { learned_ms: 7 }, '{}', [7, 'learned', 60_500]],
  ['over that, what an operator has set', { override: set, learned_ms: 7 }, '{}', [40_000, 'given', 4000]],
  [
    'over that, the job of ops.yaml',
    { override: set, job: { policy: said, policy_from: 'ops.yaml' } },
    '{}',
    [30_000, 'given', 3000],
  ],
  [
    'but not what the job was added with',
    { override: set, job: { policy: said, policy_from: 'added' } },
    '{}',
    [40_000, 'given', 4000],
  ],
  ['which stands without', { learned_ms: 7, job: { policy: said, policy_from: 'added' } }, '{}', [30_000, 'given', 3000]],
  ['each field by itself', { override: { expected: 9 }, job: { policy: said, policy_from: 'added' } }, '{}', [9, 'given', 3000]],
  [
    'over all of them the rules, the last one first',
    { override: set, job: { policy: said, policy_from: 'ops.yaml' } },
    `{ ${RULES} }`,
    [30_000, 'given', 2000],
  ],
] as const)('%s', (_what, facts, cron, [expected, from, grace]) => {
  expect(judged(facts, cron)).toMatchObject({ expected_ms: expected, expected_from: from, grace_ms: grace });
});
