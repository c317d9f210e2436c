import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inflationOf } from '../../../src/decide/review/autocorrelation.js';
import { mannKendall } from '../../../src/decide/review/mann-kendall.js';
import { upperTail, zOf } from '../../../src/decide/review/normal.js';
import { median, quantile, ranks } from '../../../src/decide/review/order.js';
import { inversionChance, inversions } from '../../../src/decide/review/rank-sum.js';
import { findStep } from '../../../src/decide/review/step.js';
import { theilSen } from '../../../src/decide/review/theil-sen.js';
import { NILE } from './nile.js';
import { random } from './random.js';

const values = (least: number) => fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: least, maxLength: 30 });

describe('order', () => {
  test('quantiles as in Hyndman & Fan 1996, type 7', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2]), quantile([1, 2, 3, 4], 0.25), quantile([7], 0.9)]).toEqual([
      2, 2.5, 1.75, 7,
    ]);
    expect(median([])).toBeNaN();
  });

  test('equal values share their mean rank', () => {
    expect(ranks([30, 10, 20, 20])).toEqual([4, 1, 2.5, 2.5]);
  });
});

describe('the normal tail', () => {
  // Abramowitz & Stegun 1964, tables 26.1 and 26.5.
  test.each([
    [0, 0.5],
    [1.959964, 0.025],
    [3.090232, 1e-3],
    [3.719016, 1e-4],
    [-1.644854, 0.95],
    [6, 9.865876e-10],
  ])('above %d is %d, and the way back', (z, chance) => {
    expect(upperTail(z) / chance).toBeCloseTo(1, 5);
    expect(zOf(chance)).toBeCloseTo(z, 5);
  });
});

describe('Mann–Kendall', () => {
  // Kendall 1975: S of n values in order is n(n-1)/2, and Var(S) is n(n-1)(2n+5)/18: 125 for n = 10.
  test('ten values in order', () => {
    const { s, variance, z } = mannKendall([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect([s, variance]).toEqual([45, 125]);
    expect(z).toBeCloseTo(44 / Math.sqrt(125), 10);
  });

  // By hand: (5*4*15 - 2 * (2*1*9)) / 18.
  test('ties make the variance smaller', () => {
    expect(mannKendall([1, 1, 2, 2, 3])).toMatchObject({ s: 8, variance: 264 / 18 });
    expect(mannKendall([5, 5, 5, 5])).toMatchObject({ s: 0, z: 0 });
  });

  test('says the same after any change of scale that keeps the order', () => {
    fc.assert(
      fc.property(values(2), (some) => {
        expect(mannKendall(some.map((value) => Math.exp(value / 100)))).toEqual(mannKendall(some));
      }),
    );
  });

  test('says the opposite of the opposite', () => {
    fc.assert(
      fc.property(values(2), (some) => {
        expect(mannKendall([...some].reverse()).s).toBe(0 - mannKendall(some).s);
      }),
    );
  });
});

describe('Theil–Sen', () => {
  test('a line, whatever a quarter of the points are', () => {
    const xs = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    const ys = xs.map((x) => (x % 4 === 1 ? 1e6 : 3 + 2 * x));
    const { slope, intercept } = theilSen(xs, ys);
    expect(slope).toBeCloseTo(2, 10);
    expect(intercept).toBeCloseTo(3, 10);
  });

  test('without two places there is no slope', () => {
    expect(theilSen([1, 1], [3, 5])).toEqual({ slope: 0, intercept: 4 });
  });

  // Sen 1968: the estimate moves with the data.
  test('moves with the data: scaled, shifted, tilted', () => {
    fc.assert(
      fc.property(values(2), fc.integer({ min: 1, max: 9 }), fc.integer({ min: -9, max: 9 }), (ys, scale, tilt) => {
        const xs = ys.map((_, index) => index);
        const before = theilSen(xs, ys);
        const after = theilSen(
          xs,
          ys.map((y, index) => scale * y + tilt * index + 7),
        );
        expect(after.slope).toBeCloseTo(scale * before.slope + tilt, 6);
        expect(after.intercept).toBeCloseTo(scale * before.intercept + 7, 6);
      }),
    );
  });
});

describe('the rank-sum test', () => {
  // Mann & Whitney 1947, table I.
  test.each([
    [3, 3, 0, 0.05],
    [3, 4, 1, 0.057],
    [4, 4, 1, 0.029],
    [5, 5, 2, 0.016],
    [6, 6, 5, 0.021],
    [8, 8, 13, 0.025],
    [5, 4, 20, 1],
  ])('%d and %d values, at most %d inversions', (m, n, most, chance) => {
    expect(inversionChance(m, n, most)).toBeCloseTo(chance, 3);
  });

  test('inversions of one order and of the other are all pairs', () => {
    fc.assert(
      fc.property(values(1), values(1), (one, other) => {
        expect(inversions(one, other) + inversions(other, one)).toBe(one.length * other.length);
      }),
    );
  });
});

describe('a step', () => {
  // Cobb 1978 and many after him: the flow of the Nile became less after 1898, the 28th year.
  test('the Nile at Aswan', () => {
    const step = findStep(NILE);
    expect(step).toMatchObject({ at: 28, before: 1130, after: 842.5 });
    expect(step?.chance).toBeLessThan(1e-5);
  });

  test('too few values are none', () => {
    expect(findStep([1, 1, 1, 1, 9, 9, 9, 9, 9])).toBeUndefined();
  });

  test('a few days after a large step it stands apart already', () => {
    const noise = random(3);
    const step = findStep(Array.from({ length: 28 }, (_, day) => (day < 23 ? 0 : 1) + 0.05 * noise.normal()));
    expect(step).toMatchObject({ at: 23, apart: true });
    expect(step?.chance).toBeGreaterThan(1e-4);
  });
});

describe('neighbours that are alike', () => {
  const walk = (memory: number, n: number) => {
    const noise = random(11);
    let value = 0;
    return Array.from({ length: n }, () => {
      value = memory * value + noise.normal();
      return value;
    });
  };

  // Of an AR(1) process the variance of a mean is (1 + r) / (1 - r) times that of independent values, for many of them.
  test('widen the variance by what an AR(1) process does', () => {
    expect(inflationOf(walk(0.5, 5000), 1)).toBeCloseTo(3, 0);
    expect(inflationOf(walk(0, 5000), 1)).toBeLessThan(1.1);
  });

  test('never make a test less careful', () => {
    expect(inflationOf(walk(-0.6, 200), 1)).toBe(1);
    expect(inflationOf([1, 1, 1, 1, 1, 1], 1)).toBe(1);
  });
});
