import type { Schedule } from '@ops/shared/schedule';
import { quantile } from './order.js';
import type { BusyJob, ServedRun } from './served-runs.js';

const MINUTE_MS = 60_000;
const HOUR = 60;
const WEEK_MS = 7 * 86_400_000;
/** Minutes by which a job may be moved: within the hour, and for one with a fixed hour up to three. Nearer is better. */
const WITHIN_HOUR = [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55] as const;
const FURTHER = [60, 75, 90, 105, 120, 150, 180] as const;
/** A move is worth it if it takes away so much of what is in the way. */
const WORTH = 0.5;

/** When the other jobs of a source are at it, epoch ms. */
export type Busy = readonly { readonly from: number; readonly to: number }[];

export interface OtherTime {
  readonly schedule: Schedule;
  /** By how much every slot moves, ms. */
  readonly shift_ms: number;
}

/**
 * Another minute for a job, or another hour, at which fewest other jobs are at it, by what happened in the last week. Undefined where its
 * schedule names no single minute (it is then not for us to rewrite), or where no other time is better by half.
 *
 * @param busy of all others of its source, in the last week
 */
export function otherTime({ schedule, runs }: Pick<BusyJob, 'schedule' | 'runs'>, busy: Busy): OtherTime | undefined {
  const fields = schedule.kind === 'cron' ? schedule.expression.split(/\s+/) : [];
  const [minute, hour] = fields;
  if (schedule.kind !== 'cron' || fields.length !== 5 || minute === undefined || hour === undefined || !isNumber(minute))
    return undefined;
  const week = lastWeek(runs);
  const need = quantile(
    week.map(({ start, end }) => end - start),
    0.9,
  );
  const inTheWay = (shift: number) => week.filter(({ slot }) => meets(busy, slot + shift, slot + shift + need)).length;
  const now = inTheWay(0);
  let best: { schedule: Schedule; shift_ms: number; meets: number } | undefined;
  for (const shift of isNumber(hour) ? [...WITHIN_HOUR, ...FURTHER] : WITHIN_HOUR) {
    const moved = shifted(Number(minute), hour, shift);
    if (moved === undefined) continue;
    const shift_ms = moved.shift * MINUTE_MS;
    const left = inTheWay(shift_ms);
    if (left > now * WORTH || (best !== undefined && left >= best.meets)) continue;
    const expression = [moved.minute, moved.hour, ...fields.slice(2)].join(' ');
    best = { schedule: { ...schedule, expression }, shift_ms, meets: left };
  }
  return best === undefined || now === 0 ? undefined : { schedule: best.schedule, shift_ms: best.shift_ms };
}

/** When jobs are at it in their last week, each run from its slot on, in order and without overlaps. */
export function busyOf(jobs: readonly Pick<BusyJob, 'runs'>[]): Busy {
  const all = jobs
    .flatMap(({ runs }) => lastWeek(runs).map(({ slot, start, end }) => ({ from: slot, to: slot + end - start })))
    .sort((a, b) => a.from - b.from);
  const joined: { from: number; to: number }[] = [];
  for (const one of all) {
    const last = joined.at(-1);
    if (last !== undefined && one.from <= last.to) last.to = Math.max(last.to, one.to);
    else joined.push({ ...one });
  }
  return joined;
}

const isNumber = (field: string) => /^\d{1,2}$/.test(field);

// Within a day: a job of Mondays stays one of Mondays.
function shifted(minute: number, hour: string, shift: number): { minute: number; hour: string; shift: number } | undefined {
  const later = minute + shift;
  if (!isNumber(hour)) return { minute: later % HOUR, hour, shift: (later % HOUR) - minute };
  const inHours = Number(hour) + Math.floor(later / HOUR);
  return inHours > 23 ? undefined : { minute: later % HOUR, hour: String(inHours), shift };
}

function lastWeek(runs: readonly ServedRun[]): readonly ServedRun[] {
  const last = runs.at(-1)?.slot ?? 0;
  return runs.filter(({ slot }) => slot > last - WEEK_MS);
}

function meets(busy: Busy, from: number, to: number): boolean {
  let [low, high] = [0, busy.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((busy[middle]?.to ?? 0) > from) high = middle;
    else low = middle + 1;
  }
  const next = busy[low];
  return next !== undefined && next.from < to;
}
