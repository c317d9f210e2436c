import { expect, test } from 'vitest';
import { evenPause } from '../../src/schedule/even-pause.js';

test.each([
  [1000, 12_345.6, 500],
  [2999, 12_399.9, 500],
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
  expect(evenPause(500, 1003, { least: 250 })).toBe(497);
  expect(evenPause(500, 1251, { least: 250 })).toBe(749);
  expect(evenPause(250, 1124.9, { least: 250 })).toBeCloseTo(125.1);
});

test('one that may not be longer ends on the beat before; a timer that ended early is on its beat', () => {
  expect(evenPause(500, 1251, { least: 250, most: 500 })).toBe(249);
  expect(evenPause(500, 1249, { least: 250, most: 500 })).toBe(251);
  expect(evenPause(500, 1498, { least: 250, most: 500 })).toBe(502);
  expect(evenPause(500, 1489, { least: 250, most: 500 })).toBe(125);
});
