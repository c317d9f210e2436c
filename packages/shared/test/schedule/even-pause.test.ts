import { expect, test } from 'vitest';
import { evenPause } from '../../src/schedule/even-pause.js';

test('pauses of a second and more end on a quarter of a second, whoever begins them when', () => {
  for (const [ms, at] of [
    [1000, 12_345.6],
    [2999, 12_399.9],
  ] as const) {
    const pause = evenPause(ms, at);
    expect((at + pause) % 250).toBeCloseTo(0);
    expect(Math.abs(pause - ms)).toBeLessThanOrEqual(125);
  }
});

test('longer ones end on a second', () => {
  for (const [ms, at] of [
    [3000, 12_345.6],
    [5000, 12_499.9],
    [15_000, 1.2],
  ] as const) {
    const pause = evenPause(ms, at);
    expect((at + pause) % 1000).toBeCloseTo(0);
    expect(Math.abs(pause - ms)).toBeLessThanOrEqual(500);
  }
});

test('a shorter one is left alone, unless it is said how short; none becomes negative', () => {
  expect(evenPause(999, 10.5)).toBe(999);
  expect(evenPause(0, 10.5)).toBe(0);
  expect(evenPause(500, 1003, 250)).toBe(497);
  expect(evenPause(250, 1124.9, 250)).toBeCloseTo(125.1);
});
