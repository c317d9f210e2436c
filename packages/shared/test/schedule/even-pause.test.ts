import { expect, test } from 'vitest';
import { evenPause } from '../../src/schedule/even-pause.js';

test.each([
  [1000, 12_345.6, 250],
  [2999, 12_399.9, 250],
  [3000, 12_345.6, 1000],
  [5000, 12_499.9, 1000],
  [15_000, 1.2, 1000],
])('a pause of %i ms begun at %f ends on a beat of %i ms', (ms, at, beat) => {
  const pause = evenPause(ms, at);
  const off = (at + pause) % beat;
  expect(Math.min(off, beat - off)).toBeCloseTo(0);
  expect(Math.abs(pause - ms)).toBeLessThanOrEqual(beat / 2);
});

test('a shorter one is left alone, unless it is said how short; none becomes negative', () => {
  expect(evenPause(999, 10.5)).toBe(999);
  expect(evenPause(0, 10.5)).toBe(0);
  expect(evenPause(500, 1003, 250)).toBe(497);
  expect(evenPause(250, 1124.9, 250)).toBeCloseTo(125.1);
});
