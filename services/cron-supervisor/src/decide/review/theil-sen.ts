import { median } from './order.js';

export interface Line {
  /** Per unit of x. */
  readonly slope: number;
  /** The value at x = 0. */
  readonly intercept: number;
}

/**
 * The Theil–Sen line: the median of the slopes of all pairs, through the median of what is left. Up to 29 % of the points may be
 * anything, and it still holds.
 *
 * Source: Theil 1950; Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63, 1968.
 *
 * @param xs no two of them need be different; without any pair that is, the slope is 0
 */
export function theilSen(xs: readonly number[], ys: readonly number[]): Line {
  const slopes: number[] = [];
  for (const [index, x] of xs.entries()) {
    for (let before = 0; before < index; before++) {
      const run = x - (xs[before] ?? x);
      if (run !== 0) slopes.push(((ys[index] ?? 0) - (ys[before] ?? 0)) / run);
    }
  }
  const slope = slopes.length === 0 ? 0 : median(slopes);
  return { slope, intercept: median(ys.map((y, index) => y - slope * (xs[index] ?? 0))) };
}
