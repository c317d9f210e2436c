// Figures of several runs, and the table that they end in.

/** The middle one; the mean of the two in the middle where they are even. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** By nearest rank: of fewer than 20 it is the longest. */
export function p95(values) {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1];
}

export const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

/** A table of Markdown. */
export function markdown(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
