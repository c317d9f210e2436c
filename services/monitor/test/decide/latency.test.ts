import { expect, test } from 'vitest';
import { latencyOf } from '../../src/decide/latency.js';

test('percentiles by nearest rank, whatever the order; nothing without answers', () => {
  const times = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(latencyOf(times)).toEqual({ p50: 50, p95: 95, p99: 99 });
  expect(latencyOf([7])).toEqual({ p50: 7, p95: 7, p99: 7 });
  expect(latencyOf([])).toBeNull();
});
