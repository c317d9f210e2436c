import { expect, test } from 'vitest';
import { defaultIntervalPolicy, nextInterval } from '../../src/decide/level-interval.js';
import { levelPolicy } from '../../src/decide/level-policy.js';

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
