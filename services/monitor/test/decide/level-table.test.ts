import { expect, test } from 'vitest';
import { defaultIntervalPolicy, nextInterval } from '../../src/decide/level-interval.js';
import { levelPolicy } from '../../src/decide/level-policy.js';
import { responseFor } from '../../src/decide/level-table.js';

test.each([
  ['normal', 500, 500, 0, 'all', 'all-work', 'runs', 'allowed', 'allowed'],
  ['warn', 200, 200, 100, 'all', 'all-work', 'runs', 'allowed', 'allowed'],
  ['critical', 50, 50, 100, 'ollama-only', 'non-critical-work', 'runs', 'deferred', 'deferred-unless-it-frees-disk'],
  ['emergency', 50, 0, 100, 'ollama-only', 'all-work', 'paused', 'blocked', 'deferred'],
] as const)(
  'the response to %s',
  (level, revenue, nonRevenue, dispatchDelayMs, models, modelsBind, nonRevenueWork, deployments, maintenance) => {
    expect(responseFor(level)).toEqual({
      level,
      maxAgents: { revenue, nonRevenue },
      dispatchDelayMs,
      models,
      modelsBind,
      nonRevenueWork,
      deployments,
      maintenance,
    });
  },
);

test('unknown changes nothing that runs, and lets nothing new onto the host', () => {
  const { level, deployments, maintenance, ...running } = responseFor('unknown');
  expect([level, deployments, maintenance]).toEqual(['unknown', 'blocked', 'deferred']);
  expect(new Set(Object.values(running))).toEqual(new Set(['unchanged']));
});

test.each([
  [0, 0, 1_000],
  [54.9, 59.9, 1_000],
  [55, 20, 250],
  [20, 60, 250],
  [100, 20, 250],
  [20, 86.9, 250],
  [20, 87, 50],
  [100, 100, 50],
  [null, 20, 250],
  [20, null, 250],
  [null, 91, 50],
])('with CPU at %s %% and RAM at %s %% the next sample is %d ms away', (cpuPercent, ramPercent, expected) => {
  expect(nextInterval({ cpuPercent, ramPercent }, levelPolicy(), defaultIntervalPolicy)).toBe(expected);
});

test('without any sample it looks again soon', () => {
  expect(nextInterval(null, levelPolicy())).toBe(250);
});
