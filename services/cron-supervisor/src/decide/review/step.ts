import { inflationOf } from './autocorrelation.js';
import { upperTail, zOf } from './normal.js';
import { median, spread } from './order.js';
import { inversionChance, inversions } from './rank-sum.js';

export interface Step {
  /** The first value after the step. */
  readonly at: number;
  /** Medians. */
  readonly before: number;
  readonly after: number;
  /** The sum of the distances of all values to the median of their side. */
  readonly misfit: number;
  /** The chance of such a step anywhere in values that have none. */
  readonly chance: number;
  /** No value of one side is among those of the other, and the sides lie apart by far more than the values of a side. */
  readonly apart: boolean;
}

/** Fewer values at a side are not a level yet. */
const FEWEST_AT_A_SIDE = 5;
/** Two medians and a place. The place is chosen among many, and hides as much as two. */
const FITTED = 4;
/** In standard deviations of a side. Ranks cannot tell a step of ten from a step of one, and a person can. */
const APART = 5;
/** On the logarithmic scale of runtimes: a side whose values are all the same has a scatter as well. */
const LEAST_SCATTER = 0.01;

/**
 * The step that explains the values best: two medians, and the place between them with the least distances. Undefined where there are too
 * few values.
 *
 * How sure it is: the exact rank-sum test (Mann & Whitney 1947) of the two sides, times the number of places that were tried (Bonferroni).
 * Pettitt's test (1979) asks the same with one formula, whose bound is so wide that a month of days can never be sure to 1 in 5000.
 * Neighbours that are alike make it less sure, as in {@link inflationOf}. A few days after a step nothing of this can be sure, whatever
 * its size: hence `apart`.
 */
export function findStep(values: readonly number[]): Step | undefined {
  const places = values.length - 2 * FEWEST_AT_A_SIDE + 1;
  if (places < 1) return undefined;
  let best: { at: number; before: number; after: number; misfit: number } | undefined;
  for (let at = FEWEST_AT_A_SIDE; at <= values.length - FEWEST_AT_A_SIDE; at++) {
    const [left, right] = [values.slice(0, at), values.slice(at)];
    const [before, after] = [median(left), median(right)];
    const misfit = spread(left, before) + spread(right, after);
    if (best === undefined || misfit < best.misfit) best = { at, before, after, misfit };
  }
  return best === undefined ? undefined : { ...best, ...certainty(values, best, places) };
}

function certainty(
  values: readonly number[],
  { at, before, after }: Pick<Step, 'at' | 'before' | 'after'>,
  places: number,
): Pick<Step, 'chance' | 'apart'> {
  const [left, right] = [values.slice(0, at), values.slice(at)];
  const against = after >= before ? inversions(left, right) : inversions(right, left);
  // Either side may be the higher one.
  const alone = Math.min(1, 2 * inversionChance(left.length, right.length, against));
  const residuals = values.map((value, index) => value - (index < at ? before : after));
  const careful = alone >= 1 ? 1 : upperTail(zOf(alone) / Math.sqrt(inflationOf(residuals, FITTED)));
  const scatter = Math.max(LEAST_SCATTER, NORMAL_MAD * median(residuals.map(Math.abs)));
  return { chance: Math.min(1, careful * places), apart: against === 0 && Math.abs(after - before) >= APART * scatter };
}

/** The standard deviation of normal values with a median distance of 1 from their middle. */
const NORMAL_MAD = 1.4826;
