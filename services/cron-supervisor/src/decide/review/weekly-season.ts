import type { DailyLevel } from './daily-levels.js';
import { median, ranks } from './order.js';

export interface Deseasoned {
  /** Without what its day of the week explains. */
  readonly levels: readonly DailyLevel[];
  /** How many figures were estimated for it: 0 where the days of the week do not differ. */
  readonly estimated: number;
}

const WEEK = 7;
/** Of a weekday that came fewer times, nothing is known. */
const FEWEST_WEEKS = 3;
/** Chi-square above which one in ten is by chance, by degrees of freedom from 1. It costs little to take a season out that is none. */
const CHI_SQUARE_90 = [2.706, 4.605, 6.251, 7.779, 9.236, 10.645] as const;

/**
 * Takes out what the day of the week explains, where the days of the week differ at all: the test of Kruskal & Wallis (1952) on what is
 * left beside a moving median over a week. That one follows a drift and a step alike, so that neither is taken for a season.
 */
export function withoutWeek(levels: readonly DailyLevel[]): Deseasoned {
  const left = levels.map(({ day, level }) => level - trendAt(levels, day));
  const groups = new Map<number, number[]>();
  for (const [index, { day }] of levels.entries()) {
    const weekday = weekdayOf(day);
    const group = groups.get(weekday) ?? [];
    group.push(index);
    groups.set(weekday, group);
  }
  const known = [...groups.values()].filter(({ length }) => length >= FEWEST_WEEKS);
  if (known.length < 2 || known.length < groups.size || !differ(known, left)) return { levels, estimated: 0 };
  const effects = new Map([...groups].map(([weekday, group]) => [weekday, median(group.map((index) => left[index] ?? 0))]));
  const middle = median([...effects.values()]);
  return {
    levels: levels.map((one) => ({ ...one, level: one.level - (effects.get(weekdayOf(one.day)) ?? middle) + middle })),
    estimated: groups.size - 1,
  };
}

const weekdayOf = (day: number) => ((day % WEEK) + WEEK) % WEEK;

// The seven days around it; at an end, the seven days there.
function trendAt(levels: readonly DailyLevel[], day: number): number {
  const [first, last] = [levels[0]?.day ?? 0, levels.at(-1)?.day ?? 0];
  const from = Math.max(first, Math.min(day - 3, last - WEEK + 1));
  return median(levels.filter((one) => one.day >= from && one.day < from + WEEK).map(({ level }) => level));
}

function differ(groups: readonly (readonly number[])[], values: readonly number[]): boolean {
  const rank = ranks(values);
  const n = values.length;
  const sum = groups.reduce(
    (total, group) => total + group.reduce((of, index) => of + (rank[index] ?? 0), 0) ** 2 / group.length,
    0,
  );
  const h = (12 / (n * (n + 1))) * sum - 3 * (n + 1);
  return h > (CHI_SQUARE_90[groups.length - 2] ?? Number.POSITIVE_INFINITY);
}
