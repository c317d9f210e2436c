import { expect, test } from 'vitest';
import { largest } from '../../src/decide/largest.js';
import { tableLasts } from '../../src/decide/table-pace.js';

const calm = { level: 'normal' as const, ramIsOver: false, isNear: false, killing: false, tookMs: 5 };

test.each([
  ['nothing is near a threshold', {}, null],
  ['something is near', { isNear: true }, 1000],
  ['the level is warn', { level: 'warn' as const, isNear: true }, 1000],
  ['the level is critical', { level: 'critical' as const }, 250],
  ['memory runs out', { level: 'emergency' as const, ramIsOver: true }, 10],
  ['somebody is being ended', { level: 'emergency' as const, ramIsOver: true, killing: true }, 1000],
  ['something is near, and a table takes long', { isNear: true, tookMs: 300 }, 3000],
  ['memory runs out, and a table takes long', { level: 'emergency' as const, ramIsOver: true, tookMs: 300 }, 600],
])('the process table where %s', (_, over, expected) => {
  expect(tableLasts({ ...calm, ...over })).toBe(expected);
});

test('the largest of many, the largest first', () => {
  const numbers = [5, 1, 9, 7, 9, 3];
  expect(largest(numbers, 3, (each) => each)).toEqual([9, 9, 7]);
  expect(largest(numbers, 10, (each) => -each)).toEqual([1, 3, 5, 7, 9, 9]);
  expect(largest([], 3, Number)).toEqual([]);
});
