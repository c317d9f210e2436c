import type { JobHistory, ReviewedRun } from '../../../src/decide/review/history.js';
import type { Random } from './random.js';

const DAY = 86_400_000;
const HOUR = 3_600_000;
/** A Monday, 06:00 UTC: when reviews are made. All histories end then. */
export const END = Date.UTC(2026, 10, 30, 6);

/** When the runs of so many days began, oldest first. */
const CADENCES = {
  'every 30 min': (days: number) => every(days, HOUR / 2),
  hourly: (days: number) => every(days, HOUR),
  'every 6 h': (days: number) => every(days, 6 * HOUR),
  daily: (days: number) => every(days, DAY),
  weekdays: (days: number) => every(days, DAY).filter((at) => ![0, 6].includes(new Date(at).getUTCDay())),
} as const;
type Cadence = keyof typeof CADENCES;

/** How a history is made: factors on a base runtime, by how far the time is through (0 to 1) and when it is. */
export interface Recipe {
  readonly days: number;
  readonly cadence: Cadence;
  /** ms */
  readonly base: number;
  /** The scatter of one run, on the scale of the logarithm. */
  readonly sigma: number;
  readonly factor?: (through: number, at: number) => number;
  /** How much of a run's luck the next one has as well. */
  readonly memory?: number;
  /** Further scatter that is not normal, as a factor. */
  readonly tail?: () => number;
  readonly fails?: (through: number, at: number) => boolean;
}

/** A recipe in which nothing happens yet: any cadence, 4 to 12 weeks, 8 s to 20 min a run. */
export function plainRecipe(random: Random, sigma: number): Recipe {
  const days = 7 * random.whole(4, 12);
  const cadence = random.one<Cadence>(['daily', 'every 30 min', 'hourly', 'every 6 h', 'weekdays']);
  return { days, cadence, base: random.scale(8000, 1_200_000), sigma };
}

/** The starts of a recipe's last so many days. */
export function lastStarts({ cadence }: Recipe, days: number): readonly number[] {
  return CADENCES[cadence](days);
}

export function historyOf({ base, sigma, cadence, days, memory = 0, factor, tail, fails }: Recipe, random: Random): JobHistory {
  let luck = random.normal();
  const runs = CADENCES[cadence](days).map((at): ReviewedRun => {
    luck = memory * luck + Math.sqrt(1 - memory ** 2) * random.normal();
    const through = 1 - (END - at) / (days * DAY);
    const duration = base * (factor?.(through, at) ?? 1) * Math.exp(sigma * luck) * (tail?.() ?? 1);
    const failed = fails?.(through, at) ?? false;
    return {
      started_at: at,
      slot: at,
      duration_ms: Math.round(failed ? base * random.between(0.02, 0.3) : duration),
      verdict: failed ? 'failed' : 'succeeded',
      code: failed ? 'gateway-error' : 'ok',
      output_length: failed ? 40 : random.whole(800, 2000),
      word: failed ? 'error' : 'ok',
      trigger: 'schedule',
    };
  });
  return {
    job_id: 'openclaw/one',
    name: 'one',
    source: 'openclaw',
    schedule: { kind: 'cron', expression: '7 * * * *', time_zone: 'UTC' },
    policy: { expected_ms: base, expected_from: 'learned', kill: true, class: 'non-revenue' },
    timeout_ms: null,
    runs,
    missed: [],
  };
}

/** A pattern of the week, of the hours, or of both, as a factor. */
export function season(random: Random): (at: number) => number {
  const weekend = random.one([random.scale(0.2, 0.7), random.scale(1.5, 4), 1]);
  const monday = random.one([1, 1, random.scale(1.3, 2.5)]);
  const night = random.one([1, random.scale(1.3, 3)]);
  const swing = random.one([0, random.between(0.2, 0.8)]);
  return (at) => {
    const [day, hour] = [new Date(at).getUTCDay(), new Date(at).getUTCHours()];
    const ofDay = day === 0 || day === 6 ? weekend : day === 1 ? monday : 1;
    return ofDay * (hour < 6 ? night : 1) * Math.exp(swing * Math.sin((2 * Math.PI * hour) / 24));
  };
}

function every(days: number, step: number): readonly number[] {
  const minute = 7 * 60_000;
  return Array.from({ length: Math.floor((days * DAY) / step) }, (_, index) => END - days * DAY + index * step + minute);
}
