import { tieSizes } from './order.js';

export interface Trend {
  /** Pairs that rise minus pairs that fall. */
  readonly s: number;
  /** Var(S) where the values are in no order, ties corrected for. */
  readonly variance: number;
  /** S in standard deviations, continuity corrected; 0 where nothing can be said. */
  readonly z: number;
}

/**
 * The Mann–Kendall test for a trend: does a later value tend to be above an earlier one? Nothing is supposed of how the values are
 * distributed, and an outlier counts no more than any other value.
 *
 * Source: Mann 1945; Kendall, Rank Correlation Methods, 1975; with the tie correction as in Helsel & Hirsch, Statistical Methods in
 * Water Resources, 2002, 12.2: Var(S) = (n(n-1)(2n+5) - sum of t(t-1)(2t+5)) / 18. The normal approximation holds from n = 10.
 *
 * @param values in the order of time
 * @param inflation by how much Var(S) is larger than that of independent values
 */
export function mannKendall(values: readonly number[], inflation = 1): Trend {
  let s = 0;
  for (const [index, later] of values.entries())
    for (let before = 0; before < index; before++) s += Math.sign(later - (values[before] ?? later));
  const term = (size: number) => size * (size - 1) * (2 * size + 5);
  const ties = tieSizes(values).reduce((sum, size) => sum + term(size), 0);
  const variance = ((term(values.length) - ties) / 18) * inflation;
  const z = variance <= 0 ? 0 : (s - Math.sign(s)) / Math.sqrt(variance);
  return { s, variance, z };
}
