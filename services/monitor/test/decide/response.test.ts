import { parseConfig } from '@ops/shared/config';
import { expect, test } from 'vitest';
import { responseFor } from '../../src/decide/response.js';

const { guard } = parseConfig('inventory: { services: [{ name: a, health: { tcp: { port: 1 } } }] }');

test.each([
  ['normal', 500, 500, 0, 'all', 'all-work', 'runs', 'allowed', 'allowed'],
  ['warn', 200, 200, 100, 'all', 'all-work', 'runs', 'allowed', 'allowed'],
  ['critical', 50, 50, 100, 'ollama-only', 'non-critical-work', 'runs', 'deferred', 'deferred-unless-it-frees-disk'],
  ['emergency', 50, 0, 100, 'ollama-only', 'all-work', 'paused', 'blocked', 'deferred'],
] as const)(
  'the protocol by default: %s',
  (level, max_agents, max_agents_non_revenue, dispatch_delay_ms, models, models_bind, non_revenue_work, deployments, maintenance) => {
    expect(responseFor(level, guard.response)).toEqual({
      max_agents,
      max_agents_non_revenue,
      dispatch_delay_ms,
      models,
      models_bind,
      non_revenue_work,
      deployments,
      maintenance,
    });
  },
);

test('unknown changes nothing that runs, and lets nothing new onto the host', () => {
  const { deployments, maintenance, ...running } = responseFor('unknown', guard.response);
  expect([deployments, maintenance]).toEqual(['blocked', 'deferred']);
  expect(new Set(Object.values(running))).toEqual(new Set(['unchanged']));
});

test('ops.yaml may choose where models run under load, and may not open the gate for deployments', () => {
  const text =
    'inventory: { services: [{ name: a, health: { tcp: { port: 1 } } }] }\nguard: { response: { critical: { models: external-only } } }';
  const chosen = responseFor('critical', parseConfig(text).guard.response);
  expect(chosen).toMatchObject({ models: 'external-only', max_agents: 50, deployments: 'deferred' });
});
