import { CronExpressionParser } from 'cron-parser';
import type { Issue } from '../events/index.js';
import type { Schedule } from './schedule.js';

/** The longest interval, 100 years: the next slot after a longer one may be no date any more. */
export const LONGEST_EVERY_MS = 100 * 366 * 86_400_000;

const SHORTEST_EVERY_MS = 1000;
const LATEST_MS = 8.64e15;
const MOST_KEPT = 5000;
// Thousands of jobs share few zones and expressions, and each answer costs a fraction of a millisecond.
const zones = new Map<string, boolean>();
const problems = new Map<string, string | undefined>();
const ALIAS = /^@(?:yearly|annually|monthly|weekly|daily|hourly|minutely|secondly|weekdays|weekends)$/;

/** Whether the machine knows a time zone of this name. */
export function isTimeZone(name: string): boolean {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const found = canFormat(name);
  if (zones.size >= MOST_KEPT) zones.clear();
  zones.set(name, found);
  return found;
}

function canFormat(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return timeZone !== '';
  } catch {
    return false;
  }
}

/** What is wrong with a schedule, the path beginning with `schedule`; undefined where nothing is. */
export function scheduleIssue(schedule: Schedule): Issue | undefined {
  if (schedule.kind === 'every') return everyIssue(schedule.every_ms, schedule.anchor_ms);
  if (schedule.kind === 'at' && !isTime(schedule.at_ms)) return issue('at', schedule.at_ms, 'a time in epoch ms');
  if (schedule.kind !== 'cron') return undefined;
  if (!isTimeZone(schedule.time_zone)) {
    return issue('time_zone', schedule.time_zone, 'a time zone of the IANA database, such as Europe/Berlin');
  }
  const why = keptProblem(schedule.expression, schedule.time_zone);
  return why === undefined
    ? undefined
    : issue('expression', schedule.expression, `a cron expression of 5 fields (6 with seconds): ${why}`);
}

function keptProblem(expression: string, timeZone: string): string | undefined {
  const key = `${timeZone} ${expression}`;
  if (problems.has(key)) return problems.get(key);
  const found = expressionProblem(expression, timeZone);
  if (problems.size >= MOST_KEPT) problems.clear();
  problems.set(key, found);
  return found;
}

function expressionProblem(expression: string, timeZone: string): string | undefined {
  const fields = expression.split(/\s+/).filter(Boolean).length;
  // The parser fills up what is missing, and takes `* * *` for every minute.
  if (!ALIAS.test(expression) && fields < 5) return `it has ${fields} fields`;
  // `H` is another minute at each start.
  if (/(?:^|[\s,])H/.test(expression)) return 'H is not a time';
  try {
    CronExpressionParser.parse(expression, { currentDate: new Date(0), tz: timeZone }).next();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function everyIssue(every: number, anchor: number): Issue | undefined {
  if (!Number.isFinite(every) || every < SHORTEST_EVERY_MS) {
    return issue('every', every, `at least ${SHORTEST_EVERY_MS} ms`);
  }
  if (every > LONGEST_EVERY_MS) return issue('every', every, 'at most 100 years');
  return isTime(anchor) ? undefined : issue('anchor', anchor, 'a time in epoch ms');
}

function isTime(ms: number): boolean {
  return Number.isFinite(ms) && Math.abs(ms) <= LATEST_MS;
}

function issue(field: string, value: unknown, expected: string): Issue {
  return { path: `schedule.${field}`, value: String(value).slice(0, 200) || 'empty', expected };
}
