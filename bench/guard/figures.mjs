import { median } from '../deploy/table.mjs';

/** Shortest / median / longest, in ms. */
export function spread(values) {
  if (values.length === 0) return '';
  const shown = [Math.min(...values), median(values), Math.max(...values)].map((value) => value.toFixed(0));
  return shown.join(' / ');
}

export const verdict = (holds) => (holds ? 'met' : 'missed');

/** One figure as a share of another; empty where the other is not there. */
export function ratio(ours, theirs) {
  const value = ours / theirs;
  return Number.isFinite(value) ? value.toFixed(2) : '';
}
