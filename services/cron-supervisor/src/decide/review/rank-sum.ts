/** How many pairs (one of `lower`, one of `higher`) are the other way round; a tie is half a pair. */
export function inversions(lower: readonly number[], higher: readonly number[]): number {
  let count = 0;
  for (const low of lower) for (const high of higher) count += low > high ? 1 : low === high ? 0.5 : 0;
  return count;
}

/**
 * The exact chance that two samples of these sizes have at most so many inversions although nothing sets them apart (one-sided). The
 * normal approximation is far off out there, where a decision for many jobs is made.
 *
 * Source: Mann & Whitney 1947: the number of orders with u inversions is the coefficient of q^u in the Gaussian binomial of m + n over
 * m, which is the product over i of (1 - q^(n+i)) / (1 - q^i).
 *
 * @param most whole; a fraction is rounded up, to the careful side
 */
export function inversionChance(m: number, n: number, most: number): number {
  const last = Math.ceil(most);
  if (last >= m * n) return 1;
  const [small, large] = m < n ? [m, n] : [n, m];
  const ways = new Array<number>(last + 1).fill(0);
  ways[0] = 1;
  let all = 1;
  for (let i = 1; i <= small; i++) {
    for (let u = last; u >= large + i; u--) ways[u] = (ways[u] ?? 0) - (ways[u - large - i] ?? 0);
    for (let u = i; u <= last; u++) ways[u] = (ways[u] ?? 0) + (ways[u - i] ?? 0);
    all *= (large + i) / i;
  }
  return Math.min(1, ways.reduce((sum, count) => sum + count, 0) / all);
}
