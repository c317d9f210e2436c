import { expect, test } from 'vitest';
import { noPressure, type PressureState, pressureAfter } from '../../src/decide/pressure-streak.js';

/** Since when there is pressure, after readings of `[at, pressure]`. */
const after = (...readings: [number, number | null][]) =>
  readings.reduce<PressureState>((state, [at, cpuPressure]) => pressureAfter(state, { at, cpuPressure }, 50), noPressure).since;

test('lasts while each reading says so, and ends with one that does not', () => {
  expect(after([1_000, 60], [1_500, 99], [2_000, 50])).toBe(1_000);
  expect(after([1_000, 60], [1_500, 49])).toBeNull();
  expect(after([1_000, 60], [1_500, 49], [2_000, 60])).toBe(2_000);
});

test('a sample whose rates are not believed breaks nothing, for three seconds', () => {
  expect(after([1_000, 60], [1_500, null], [4_000, 60])).toBe(1_000);
  expect(after([1_000, 60], [1_500, null], [4_001, null])).toBeNull();
  expect(after([1_000, 60], [4_001, 60])).toBe(4_001);
});

test('a clock that was set back does not lengthen the proof', () => {
  expect(after([3_600_000, 60], [1_000, 60])).toBe(1_000);
});
