import type { Class, Labelled } from './synthetic-histories.js';

/** How often a review was right. A finding of the wrong kind is wrong, and the right one is missing. */
export interface Score {
  readonly histories: number;
  readonly right: number;
  readonly wrong: number;
  readonly missing: number;
}

const NOTHING: Score = { histories: 0, right: 0, wrong: 0, missing: 0 };

/** The score of each class that was there, from what was found of each history (the kinds of its findings). */
export function scores(
  judged: readonly { readonly of: Labelled; readonly found: readonly string[] }[],
): ReadonlyMap<Class, Score> {
  const byClass = new Map<Class, Score>();
  for (const { of, found } of judged) {
    const before = byClass.get(of.class) ?? NOTHING;
    byClass.set(of.class, {
      histories: before.histories + 1,
      right: before.right + found.filter((kind) => of.expected.includes(kind)).length,
      wrong: before.wrong + found.filter((kind) => !of.expected.includes(kind)).length,
      missing: before.missing + of.expected.filter((kind) => !found.includes(kind)).length,
    });
  }
  return byClass;
}

/** All of them together. */
export function total(of: Iterable<Score>): Score {
  let [histories, right, wrong, missing] = [0, 0, 0, 0];
  for (const one of of) {
    histories += one.histories;
    right += one.right;
    wrong += one.wrong;
    missing += one.missing;
  }
  return { histories, right, wrong, missing };
}

/** The share of the findings that are right; 1 where nothing was found. */
export function precision({ right, wrong }: Score): number {
  return right + wrong === 0 ? 1 : right / (right + wrong);
}

/** The share of what is to be found that was found; 1 where there was nothing. */
export function recall({ right, missing }: Score): number {
  return right + missing === 0 ? 1 : right / (right + missing);
}
