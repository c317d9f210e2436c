import { expect, test } from 'vitest';
import { LATE_MS, markLate } from '../../src/decide/late-sample.js';

const sample = {
  cpuPercent: 99,
  iowaitPercent: 1,
  nicePercent: 0,
  stealPercent: 0,
  cpuThrottledPercent: null,
  cpuPressure: 80,
  memoryPressure: 10,
  ioPressure: 5,
  ramPercent: 93,
};

test('a sample in time is marked and believed', () => {
  expect(markLate(sample, LATE_MS - 1)).toEqual({ ...sample, lateMs: LATE_MS - 1 });
});

test('of a late one no rate is believed; memory is what it is', () => {
  const late = markLate(sample, LATE_MS);
  expect(late).toMatchObject({ lateMs: LATE_MS, ramPercent: 93 });
  const { ramPercent, lateMs, ...rates } = late;
  expect(new Set(Object.values(rates))).toEqual(new Set([null]));
});
