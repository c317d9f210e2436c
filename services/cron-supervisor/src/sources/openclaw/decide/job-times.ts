import type { Schedule } from '@ops/shared/schedule';
import type { Generation } from './generation.js';
import type { JobSchedule } from './job-schedule.js';

const MINUTE = 60_000;
/** 2026.9.6, `DEFAULT_TOP_OF_HOUR_STAGGER_MS`. */
const TOP_OF_HOUR_STAGGER_MS = 5 * MINUTE;
/** 2026.9.6: after a start, jobs that were missed come after two minutes, five seconds apart. */
const CATCH_UP_MS = 2 * MINUTE;
const CATCH_UP_STEP_MS = 5000;
const LONGEST_CATCH_UP_MS = 10 * MINUTE;
/** No queue of a legacy gateway is waited for longer: what comes later is late for a reason that somebody should see. */
const LONGEST_QUEUE_MS = 30 * MINUTE;

/** The limit of a run that a generation sets where the job names none, ms. */
const DEFAULT_LIMIT: Readonly<Record<Generation, Readonly<Record<string, number>>>> = {
  legacy: { agentTurn: 10 * MINUTE },
  modern: { agentTurn: 60 * MINUTE, command: 10 * MINUTE, script: 5 * MINUTE },
};

/** The gateway's own limit of a run, ms; null where it has none. `timeoutSeconds: 0` means none. */
export function jobTimeout(generation: Generation, payload: string, timeoutSeconds: number | null | undefined): number | null {
  if (typeof timeoutSeconds === 'number') return timeoutSeconds > 0 ? timeoutSeconds * 1000 : null;
  return DEFAULT_LIMIT[generation][payload] ?? null;
}

/** How late the gateway may begin a run, and the rule for it. */
export interface Neighbours {
  /** Jobs of the gateway that are on. */
  readonly jobs: number;
  /** The limits of the other jobs that are on, added up, ms. */
  readonly queue_ms: number;
}

/**
 * How late a gateway itself may begin a run, ms.
 *
 * Both: the job's stagger, and for intervals that are counted from the last run (all of a modern gateway, those without an anchor
 * of a legacy one) the interval, because our slots stay where they are.
 * Modern: what it catches up after a start comes two minutes later and five seconds apart.
 * Legacy: jobs run strictly one after the other, so all others may be before it, each as long as it may; half an hour at most.
 */
export function startTolerance(generation: Generation, read: JobSchedule, { jobs, queue_ms }: Neighbours): number {
  const { schedule, anchored } = read;
  if (schedule.kind === 'on-demand') return 0;
  const interval = schedule.kind === 'every' && (generation === 'modern' || !anchored) ? schedule.every_ms : 0;
  const own = stagger(generation, schedule, read.stagger_ms) + interval;
  if (generation === 'legacy') return own + Math.min(queue_ms, LONGEST_QUEUE_MS);
  return own + Math.min(CATCH_UP_MS + CATCH_UP_STEP_MS * jobs, LONGEST_CATCH_UP_MS);
}

function stagger(generation: Generation, schedule: Schedule, given: number | undefined): number {
  if (given !== undefined) return given;
  return generation === 'modern' && schedule.kind === 'cron' && isTopOfHour(schedule.expression) ? TOP_OF_HOUR_STAGGER_MS : 0;
}

/** Minute (and second) 0 of a wildcard hour: such jobs are spread over five minutes (2026.9.6, `isRecurringTopOfHourCronExpr`). */
function isTopOfHour(expression: string): boolean {
  const fields = expression.trim().split(/\s+/);
  const [minute, hour] = fields.length === 6 && fields[0] === '0' ? fields.slice(1) : fields;
  if (minute !== '0' || hour === undefined || (fields.length !== 5 && fields.length !== 6)) return false;
  return hour.split(',').some((part) => part.startsWith('*') || part.startsWith('?'));
}
