import { type Issue, issuesOf } from '@ops/shared/events';
import { isTimeZone, parseSchedule, type Schedule, scheduleIssue } from '@ops/shared/schedule';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { type Unread, unreadOf } from '../../decide/unread.js';
import { intervalTolerance } from '../interval-tolerance.js';
import type { SourceJob } from '../source.js';

const text = z.string().max(1000);
const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'letters, digits, . _ and -, at most 100');
const written = z.union([
  z.string().min(1).max(200),
  z.looseObject({ cron: z.string().min(1).max(200), timezone: z.string().optional(), time_zone: z.string().optional() }),
]);

const task = z.looseObject({
  id,
  name: text.optional(),
  description: text.optional(),
  purpose: text.optional(),
  agent: z.string().max(200).optional(),
  enabled: z.boolean().default(true),
  schedule: written.optional(),
  timezone: z.string().optional(),
  time_zone: z.string().optional(),
  steps: z.array(z.unknown()).min(1, 'at least one step'),
});

const named = z.looseObject({ id });

/** What was read of a file. */
export interface TasksRead {
  readonly jobs: readonly SourceJob[];
  readonly issues: readonly Issue[];
  readonly unread: Unread;
}

/** The tasks of one YAML file (one a document); what cannot be read is an issue with the file's name, and the others are there all the same. */
export function readTaskFile(file: string, content: string): TasksRead {
  const jobs: SourceJob[] = [];
  const issues: Issue[] = [];
  const unread: (string | undefined)[] = [];
  const documents = parseAllDocuments(content);
  for (const [index, document] of ('empty' in documents ? [] : documents).entries()) {
    const path = documents.length === 1 ? file : `${file}[${index}]`;
    const [error] = document.errors;
    if (error !== undefined) {
      issues.push({ path, value: error.message.split('\n')[0] ?? '', expected: 'valid YAML' });
      unread.push(undefined);
      continue;
    }
    const input = toValue(document);
    const parsed = task.safeParse(input);
    if (!parsed.success) {
      issues.push(...issuesOf(parsed.error, input, path));
      unread.push(named.safeParse(input).data?.id);
      continue;
    }
    const schedule = scheduleOf(parsed.data);
    const wrong = scheduleIssue(schedule);
    if (wrong === undefined) {
      jobs.push(jobOf(parsed.data, schedule));
      continue;
    }
    issues.push({ ...wrong, path: `${path}.${wrong.path}` });
    unread.push(parsed.data.id);
  }
  return { jobs, issues, unread: unreadOf(unread) };
}

function toValue(document: { toJS(options: { maxAliasCount: number }): unknown }): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    return undefined;
  }
}

function scheduleOf({ schedule, timezone, time_zone }: z.infer<typeof task>): Schedule {
  if (schedule === undefined) return { kind: 'on-demand' };
  const nested = typeof schedule === 'string' ? undefined : (schedule.time_zone ?? schedule.timezone);
  const zone = nested ?? time_zone ?? timezone ?? hostZone();
  return parseSchedule(typeof schedule === 'string' ? schedule : schedule.cron, zone);
}

function hostZone(): string {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  return isTimeZone(timeZone) ? timeZone : 'UTC';
}

function jobOf({ id: name, description, purpose, agent, enabled, ...rest }: z.infer<typeof task>, schedule: Schedule): SourceJob {
  return {
    id: name,
    name: rest.name ?? name,
    purpose: purpose ?? description ?? '',
    agent: agent ?? null,
    enabled,
    schedule,
    start_tolerance_ms: intervalTolerance(schedule),
    timeout_ms: null,
    may_be_empty: false,
  };
}
