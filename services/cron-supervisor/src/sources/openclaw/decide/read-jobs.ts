import { type Issue, issuesOf, shown } from '@ops/shared/events';
import { z } from 'zod';
import { type Unread, unreadOf } from '../../../decide/unread.js';
import type { SourceJob } from '../../source.js';
import type { Generation } from './generation.js';
import { type JobSchedule, readSchedule } from './job-schedule.js';
import { jobTimeout, startTolerance } from './job-times.js';

const LONGEST_PURPOSE = 200;
const LATEST_MS = 8.64e15;
const LONGEST_LIMIT_S = 100_000_000;

const id = z.string().min(1).max(200);
const named = z.object({ id });

// Fields that we do not need may have any form: newer gateways add some with every version.
const row = z.object({
  id,
  name: z.string().nullish(),
  description: z.string().nullish(),
  agentId: z.string().nullish(),
  enabled: z.boolean().nullish(),
  createdAtMs: z.number().min(0).max(LATEST_MS).nullish().catch(null),
  declarationKey: z.string().nullish(),
  schedule: z.unknown(),
  payload: z.object({
    kind: z.string(),
    text: z.string().nullish(),
    message: z.string().nullish(),
    timeoutSeconds: z.number().min(0).max(LONGEST_LIMIT_S).nullish(),
  }),
  state: z
    .object({ runningAtMs: z.number().min(0).max(LATEST_MS).nullish().catch(null) })
    .nullish()
    .catch(null),
});

/** A job of the gateway, with what only the adapter needs. */
export interface GatewayJob {
  readonly job: SourceJob;
  readonly payload: string;
  /** A run of it is going on since, epoch ms. */
  readonly running_at: number | undefined;
}

export interface JobsRead {
  readonly jobs: readonly GatewayJob[];
  readonly issues: readonly Issue[];
  readonly unread: Unread;
  /** Ids of the gateway's own jobs: nobody's business but its own. */
  readonly own: readonly string[];
}

type Row = z.infer<typeof row>;

/**
 * The jobs of a `cron.list` or a jobs.json. Each is read by itself: one that cannot be read is an issue, and the others are
 * listed. Of two with the same id the first is kept. Jobs that the gateway declares for itself (`declarationKey`) are left out.
 *
 * @param path of the rows, for issues: `cron.list.jobs`
 */
export function readJobs(rows: readonly unknown[], generation: Generation, timeZone: string, path: string): JobsRead {
  const issues: Issue[] = [];
  const own: string[] = [];
  const unread: (string | undefined)[] = [];
  const read = new Map<string, { readonly row: Row; readonly times: JobSchedule }>();
  for (const [index, one] of rows.entries()) {
    const { data, error } = row.safeParse(one);
    if (error !== undefined) {
      issues.push(...issuesOf(error, one, `${path}[${index}]`));
      unread.push(named.safeParse(one).data?.id);
      continue;
    }
    if (typeof data.declarationKey === 'string') {
      own.push(data.id);
      continue;
    }
    if (read.has(data.id)) {
      issues.push({
        path: `${path}[${index}].id`,
        value: shown(data.id),
        expected: 'an id that no other job has: the first is kept',
      });
      continue;
    }
    const times = readSchedule(data.schedule, timeZone, data.createdAtMs ?? 0, `${path}[${index}].schedule`);
    if (!('issues' in times)) {
      read.set(data.id, { row: data, times });
      continue;
    }
    issues.push(...times.issues);
    unread.push(data.id);
  }
  const all = [...read.values()];
  return { jobs: all.map((one) => gatewayJob(generation, one.row, one.times, all)), issues, unread: unreadOf(unread), own };
}

type ReadRow = { readonly row: Row; readonly times: JobSchedule };

function gatewayJob(generation: Generation, given: Row, times: JobSchedule, all: readonly ReadRow[]): GatewayJob {
  const { id, payload } = given;
  const on = all.filter((other) => other.row.enabled !== false);
  const queue_ms = on.filter((other) => other.row !== given).reduce((sum, other) => sum + (limit(generation, other.row) ?? 0), 0);
  const job: SourceJob = {
    id,
    name: given.name?.trim() ? given.name : id,
    purpose: purpose(given),
    agent: given.agentId ?? null,
    enabled: given.enabled ?? true,
    schedule: times.schedule,
    start_tolerance_ms: startTolerance(generation, times, { jobs: on.length, queue_ms }),
    timeout_ms: limit(generation, given),
    may_be_empty: payload.kind === 'systemEvent',
  };
  return { job, payload: payload.kind, running_at: given.state?.runningAtMs ?? undefined };
}

function limit(generation: Generation, { payload }: Row): number | null {
  return jobTimeout(generation, payload.kind, payload.timeoutSeconds);
}

/** What a job is for: its description, or else how its prompt begins. */
function purpose({ description, payload }: Row): string {
  const text = description?.trim() ? description : (payload.message ?? payload.text ?? '');
  const line = text.trim().split('\n')[0] ?? '';
  return line.length > LONGEST_PURPOSE ? `${line.slice(0, LONGEST_PURPOSE)}…` : line;
}
