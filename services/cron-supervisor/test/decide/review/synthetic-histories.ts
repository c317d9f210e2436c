import type { JobHistory, ReviewWindow } from '../../../src/decide/review/history.js';
import { END, historyOf, lastStarts, plainRecipe, type Recipe, season } from './made-history.js';
import type { Random } from './random.js';

export const CLASSES = ['steady', 'drift', 'step', 'seasonal', 'noisy', 'intermittent'] as const;
export type Class = (typeof CLASSES)[number];

export interface Labelled {
  readonly class: Class;
  /** Which way of its class it is. */
  readonly way: string;
  /** What a review should find of it: these kinds, and no other. */
  readonly expected: readonly string[];
  readonly history: JobHistory;
  readonly window: ReviewWindow;
}

interface Way extends Recipe {
  readonly way: string;
  readonly expected: readonly string[];
}

const DAY = 86_400_000;
const FOUR_WEEKS = 28;

/**
 * One history of a class, with its label. What a person calls a drift or a step when he sees the plot is labelled so; what he shrugs at (a
 * few percent, a bad week that is over, noise of any size) is labelled as nothing.
 */
export function labelled(of: Class, random: Random): Labelled {
  const { way, expected, ...recipe } = WAYS[of](random);
  const window = {
    trend_from: END - recipe.days * DAY,
    from: END - Math.min(recipe.days, FOUR_WEEKS) * DAY,
    to: END,
  };
  return {
    class: of,
    way: `${way}, ${recipe.cadence}, ${recipe.days} d`,
    expected,
    window,
    history: historyOf(recipe, random),
  };
}

/** A history of so many days in which nothing changes for good: steady, noisy, seasonal, with a memory. For windows that move over it. */
export function unchanging(random: Random, days: number): JobHistory {
  const plain = plainRecipe(random, random.scale(0.03, 0.6));
  const week = random.next() < 0.3 ? season(random) : () => 1;
  const memory = random.next() < 0.3 ? random.between(0.1, 0.4) : 0;
  return historyOf({ ...plain, days, memory, factor: (_through, at) => week(at) }, random);
}

const WAYS: Readonly<Record<Class, (random: Random) => Way>> = { steady, drift, step, seasonal, noisy, intermittent };

function steady(random: Random): Way {
  const plain = { ...plainRecipe(random, random.between(0.03, 0.2)), expected: [] };
  const [at, by] = [random.between(0.1, 0.95), random.between(0.01, 0.08)];
  const outage = random.between(0.5, 3) / plain.days;
  const failure = lastStarts(plain, FOUR_WEEKS)[random.whole(0, 15)];
  return random.one<Way>([
    { ...plain, way: 'steady' },
    { ...plain, way: 'with a memory', memory: random.between(0.1, 0.5) },
    { ...plain, way: 'few runs', days: random.whole(4, 14) },
    { ...plain, way: 'a few percent of drift', sigma: random.between(0.01, 0.05), factor: (through) => 1 + by * through },
    { ...plain, way: 'one failure', fails: (_through, start) => start === failure },
    { ...plain, way: 'one outage', fails: (through) => through >= at && through <= at + outage },
    { ...plain, way: 'down', fails: (through) => through >= Math.max(at, 0.6) },
  ]);
}

function drift(random: Random): Way {
  const { noisy, words, week, sigma } = trouble(random, 0.12);
  const to = noisy ? random.scale(2.5, 5) : random.scale(1.3, 3);
  const geometric = random.next() < 0.5;
  return {
    ...plainRecipe(random, sigma),
    way: `drift to ${to.toFixed(2)}${words}`,
    expected: ['runtime-drift'],
    factor: (through, at) => week(at) * (geometric ? to ** through : 1 + (to - 1) * through),
  };
}

// In the last four weeks, and six days or more ago.
function step(random: Random): Way {
  const { noisy, words, week, sigma } = trouble(random, 0.15);
  const to = noisy ? random.scale(2.5, 5) : random.scale(1.4, 4);
  const plain = plainRecipe(random, sigma);
  const ago = random.between(6, Math.min(22, plain.days - 7));
  return {
    ...plain,
    way: `step to ${to.toFixed(2)} ${ago.toFixed(1)} days ago${words}`,
    expected: ['runtime-step'],
    factor: (_through, at) => week(at) * (at >= END - ago * DAY ? to : 1),
  };
}

/** What a change may hide behind. */
function trouble(random: Random, most: number) {
  const noisy = random.next() < 0.2;
  const seasonal = random.next() < 0.25;
  return {
    noisy,
    words: `${noisy ? ', noisy' : ''}${seasonal ? ', seasonal' : ''}`,
    week: seasonal ? season(random) : () => 1,
    sigma: noisy ? random.between(0.2, 0.35) : random.between(0.03, most),
  };
}

function seasonal(random: Random): Way {
  const plain = { ...plainRecipe(random, random.between(0.03, 0.2)), expected: [] };
  const [week, month] = [season(random), random.between(1.3, 2.5)];
  return random.next() < 0.8
    ? { ...plain, way: 'the week and the hour', factor: (_through, at) => week(at) }
    : { ...plain, way: 'the end of the month', factor: (_through, at) => (new Date(at).getUTCDate() >= 28 ? month : 1) };
}

function noisy(random: Random): Way {
  const plain = { ...plainRecipe(random, random.between(0.3, 0.9)), expected: [] };
  const calmer = { ...plain, sigma: random.between(0.05, 0.25) };
  const [share, by, from] = [random.between(0.02, 0.15), random.scale(1.5, 4), random.between(0.1, 0.6)];
  const bad = random.between(4, 7) / plain.days;
  const mended = random.between(0.4, 1 - 9 / plain.days);
  return random.one<Way>([
    { ...plain, way: 'log-normal' },
    { ...calmer, way: 'outliers', tail: () => (random.next() < share ? random.scale(3, 30) : 1) },
    // Pareto with a tail index of 1.5: its variance is infinite.
    { ...calmer, way: 'a heavy tail', tail: () => (1 - random.next()) ** (-1 / 1.5) },
    { ...calmer, way: 'one bad week', factor: (through) => (through >= from && through < from + bad ? by : 1) },
    { ...calmer, way: 'a drift that was mended', factor: (through) => (through < mended ? by ** (through / mended) : 1) },
    { ...plain, way: 'noisy, with a memory', memory: random.between(0.2, 0.5) },
  ]);
}

// Of runs that are seldom, single ones fail, and the one after it is good; of many, now and then two in a row. The last run is good.
function intermittent(random: Random): Way {
  const plain = plainRecipe(random, random.between(0.05, 0.2));
  const starts = lastStarts(plain, FOUR_WEEKS);
  const rare = starts.length < 60;
  const wanted = Math.max(4, Math.round(starts.length * (rare ? random.between(0.15, 0.35) : random.between(0.03, 0.15))));
  const bad = new Set<number>();
  for (let tries = 0; bad.size < wanted && tries < 10_000; tries++) {
    const index = random.whole(0, starts.length - 2);
    const near = [index - 1, index + 1].some((other) => bad.has(starts[other] ?? 0));
    if (!near || !rare) bad.add(starts[index] ?? 0);
  }
  const kind = 'intermittent-failures';
  const failing = {
    ...plain,
    way: `${bad.size} of ${starts.length} fail`,
    expected: [kind],
    fails: (_: number, at: number) => bad.has(at),
  };
  const [also, week, by] = [random.next(), season(random), random.scale(1.5, 3)];
  if (also < 0.2) return { ...failing, way: `${failing.way}, seasonal`, factor: (_through, at) => week(at) };
  if (also >= 0.4) return failing;
  return {
    ...failing,
    way: `${failing.way}, drift to ${by.toFixed(2)}`,
    expected: [kind, 'runtime-drift'],
    factor: (through) => by ** through,
  };
}
