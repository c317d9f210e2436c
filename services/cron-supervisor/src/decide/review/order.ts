/** The middle value, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The quantile by linear interpolation between order statistics (Hyndman & Fan 1996, type 7); NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

/** The sum of the distances to `center`. */
export function spread(values: readonly number[], center: number): number {
  return values.reduce((sum, value) => sum + Math.abs(value - center), 0);
}

/** Ranks from 1; equal values share their mean rank. */
export function ranks(values: readonly number[]): readonly number[] {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  const result = new Array<number>(values.length).fill(0);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end + 1 < order.length && order[end + 1]?.value === order[start]?.value) end += 1;
    for (let place = start; place <= end; place++) result[order[place]?.index ?? 0] = (start + end) / 2 + 1;
    start = end + 1;
  }
  return result;
}

/** How many values are equal to each other: the sizes of the groups of two and more. */
export function tieSizes(values: readonly number[]): readonly number[] {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts.values()].filter((size) => size > 1);
}
