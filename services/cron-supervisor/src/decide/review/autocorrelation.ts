import { median } from './order.js';

/**
 * By how much neighbours that are alike widen the variance of a test that takes them for independent; at least 1, so that a test only
 * ever becomes more careful.
 *
 * Source: Yue & Wang, The Mann–Kendall test modified by effective sample size, Water Resources Management 18, 2004, with the
 * correlation of an AR(1) process: n/n* = 1 + 2 sum (1 - k/n) r^k, r from the values without their trend. What taking the trend out
 * hides of r (about (fitted + 3r)/n, as Kendall 1954 has it for the mean) is added again.
 *
 * @param residuals in the order of time, around what was fitted
 * @param fitted how many figures were chosen to fit
 */
export function inflationOf(residuals: readonly number[], fitted: number): number {
  const n = residuals.length;
  if (n < 5) return 1;
  const mean = residuals.reduce((sum, value) => sum + value, 0) / n;
  // An outlier has no neighbours like it, and would hide that all others have.
  const bound = 3 * 1.4826 * median(residuals.map((value) => Math.abs(value - mean)));
  const around = residuals.map((value) => Math.max(-bound, Math.min(bound, value - mean)));
  const squares = around.reduce((sum, value) => sum + value * value, 0);
  if (squares === 0) return 1;
  const products = around.reduce((sum, value, index) => sum + value * (around[index + 1] ?? 0), 0);
  const seen = products / squares;
  const r = Math.min(0.95, Math.max(0, seen + (fitted + 3 * seen) / n));
  let sum = 0;
  for (let k = 1; k < n; k++) sum += (1 - k / n) * r ** k;
  return 1 + 2 * sum;
}
