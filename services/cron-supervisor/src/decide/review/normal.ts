/**
 * The chance that a standard normal variable is above z.
 *
 * Source: the Chebyshev fit of erfc in Numerical Recipes (2nd edition, 6.2, `erfcc`): its relative error is below 1.2e-7 everywhere, so
 * that small chances hold too.
 */
export function upperTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.5 * x);
  const sum = COEFFICIENTS.reduceRight((rest, coefficient) => coefficient + t * rest, 0);
  const tail = (t * Math.exp(-x * x + sum)) / 2;
  return z >= 0 ? tail : 1 - tail;
}

const COEFFICIENTS = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
] as const;

/** The z above which a standard normal variable is with this chance; the way back of {@link upperTail}, to 1e-9. */
export function zOf(chance: number): number {
  let [low, high] = [-38, 38];
  while (high - low > 1e-9) {
    const middle = (low + high) / 2;
    if (upperTail(middle) > chance) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
