import { inflationOf } from './autocorrelation.js';
import { type DailyLevel, dailyLevels } from './daily-levels.js';
import type { JobHistory, ReviewWindow } from './history.js';
import { mannKendall } from './mann-kendall.js';
import { upperTail } from './normal.js';
import { median, spread } from './order.js';
import { findStep, type Step } from './step.js';
import { theilSen } from './theil-sen.js';
import { withoutWeek } from './weekly-season.js';

/** How the runtime of a job has changed. Runtimes are ms. */
export type RuntimeChange =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'drift' | 'step';
      readonly before_ms: number;
      readonly now_ms: number;
      /** Days before the end of the window when it began. */
      readonly days_ago: number;
      /** The chance of it in a job that is steady. */
      readonly chance: number;
    };

/**
 * The chance at which a change is believed: 1 in 5000, for each of the two tests.
 *
 * A hundred jobs looked at each week are 5200 looks a year, and those of four weeks share most of their runs: about 1300 that are of their own,
 * two tests each, one false alarm in two years. What is sure is still no finding where it is small (the bars below), which leaves fewer.
 * `bench/cron/review.mjs` measures it: a hundred steady jobs for a year.
 */
const BELIEVED = 2e-4;
/** What is slower by less is nothing that a person acts on, however sure it is. */
const DRIFT_BAR = 1.2;
const STEP_BAR = 1.3;
/** To become faster is good news; to half and less, it may do only half of its work. */
const FASTER_BAR = 1 / 2;
const LEAST_MS = 1000;
/** The normal approximation of Mann–Kendall holds from here (Kendall 1975). */
const FEWEST_DAYS = 10;
/** A step has one more figure that was chosen to fit: where it happened. */
const PRICE_OF_A_PLACE = 1;

/**
 * Whether a job became slower, bit by bit or at once. The median of each day, without the week's own pattern; then the explanation that
 * fits better, a line or a step, if it is sure, large, still so in the last days, and news: what ended before the window began has been told.
 */
export function runtimeChange(history: Pick<JobHistory, 'runs'>, window: ReviewWindow): RuntimeChange {
  return changeIn(dailyLevels(history.runs, window), window);
}

function changeIn(raw: readonly DailyLevel[], window: ReviewWindow): RuntimeChange {
  const { levels, estimated } = withoutWeek(raw);
  if (levels.length < FEWEST_DAYS) return { kind: 'none' };
  const values = levels.map(({ level }) => level);
  const days = levels.map(({ day }) => day);
  const { fitted, residuals } = bestLine(days, values);
  const step = findStep(values);
  const n = values.length;
  const lineFits = n * Math.log(spread(residuals, 0) + TINY);
  const stepFits =
    step === undefined ? Number.POSITIVE_INFINITY : n * Math.log(step.misfit + TINY) + PRICE_OF_A_PLACE * Math.log(n);
  if (step !== undefined && stepFits < lineFits) {
    const sure = step.chance <= BELIEVED || step.apart;
    const days_ago = 1 - (days[step.at] ?? 0);
    // An old one is no news, and must not hide what has happened since.
    if (sure && days_ago > daysOf(window)) return changeIn(raw.slice(step.at), window);
    return sure ? asStep(values, step, days_ago) : { kind: 'none' };
  }

  // What was estimated for the week has made the residuals smaller than the noise is.
  const inflation = inflationOf(residuals, 2) * (n / (n - estimated));
  const chance = upperTail(mannKendall(values, inflation).z);
  const [first, last] = [days[0] ?? 0, days.at(-1) ?? 0];
  const [before, now] = [Math.exp(fitted[0] ?? 0), Math.exp(fitted.at(-1) ?? 0)];
  const third = Math.ceil(n / 3);
  const held = median(values.slice(-third)) - median(values.slice(0, third));
  if (chance > BELIEVED || now < before * DRIFT_BAR || now - before < LEAST_MS || held < Math.log(DRIFT_BAR) / 2)
    return { kind: 'none' };
  if (isOver(levels, lineFits, daysOf(window))) return { kind: 'none' };
  return { kind: 'drift', before_ms: before, now_ms: now, days_ago: last - first + 1, chance };
}

const TINY = 1e-9;

// So many percent a day, or so many seconds a day: whichever is nearer. The wrong one leaves a bow, whose neighbours are all alike.
function bestLine(days: readonly number[], levels: readonly number[]) {
  const percent = theilSen(days, levels);
  const seconds = theilSen(days, levels.map(Math.exp));
  const fits = [
    days.map((day) => percent.intercept + percent.slope * day),
    days.map((day) => Math.log(Math.max(1, seconds.intercept + seconds.slope * day))),
  ].map((fitted) => ({ fitted, residuals: levels.map((level, index) => level - (fitted[index] ?? level)) }));
  const [one, other] = fits as [(typeof fits)[number], (typeof fits)[number]];
  return spread(other.residuals, 0) < spread(one.residuals, 0) ? other : one;
}

// A drift up to the window and a level in it explain more than a drift all the way: it was told when it went on.
function isOver(levels: readonly DailyLevel[], lineFits: number, windowDays: number): boolean {
  const older = levels.filter(({ day }) => day <= -windowDays);
  const newer = levels.slice(older.length).map(({ level }) => level);
  if (older.length < FEWEST_DAYS || newer.length === 0) return false;
  const { residuals } = bestLine(
    older.map(({ day }) => day),
    older.map(({ level }) => level),
  );
  const misfit = spread(residuals, 0) + spread(newer, median(newer));
  return levels.length * Math.log(misfit + TINY) + Math.log(levels.length) < lineFits;
}

function asStep(values: readonly number[], { chance, ...step }: Step, days_ago: number): RuntimeChange {
  const [before, now] = [Math.exp(step.before), Math.exp(step.after)];
  const large = now >= before * STEP_BAR || now <= before * FASTER_BAR;
  // What went away again is over.
  const lately = median(values.slice(-RECENT));
  const held = Math.abs(lately - step.before) > Math.abs(step.after - step.before) / 2;
  if (!large || Math.abs(now - before) < LEAST_MS || !held) return { kind: 'none' };
  return { kind: 'step', before_ms: before, now_ms: now, days_ago, chance };
}

const daysOf = ({ from, to }: ReviewWindow) => (to - from) / DAY_MS;

const RECENT = 7;
const DAY_MS = 86_400_000;
