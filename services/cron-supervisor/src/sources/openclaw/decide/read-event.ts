import { type Issue, issuesOf } from '@ops/shared/events';
import { z } from 'zod';
import type { RunReport } from '../../../cron-types.js';
import type { RunningRun } from '../../source.js';
import { readRun } from './read-run.js';

const cronEvent = z.object({
  jobId: z.string().min(1),
  action: z.string(),
  runAtMs: z.number().optional(),
  job: z.object({ declarationKey: z.string().nullish() }).nullish().catch(null),
});
const started = z.object({ jobId: z.string(), runAtMs: z.number().min(0).max(8.64e15) });

/** What an event of cron says to us. */
export type CronNews =
  | { readonly kind: 'began'; readonly run: RunningRun }
  | { readonly kind: 'ended'; readonly report: RunReport }
  | { readonly kind: 'jobs-changed' }
  /** About a job that the gateway has declared for itself. */
  | { readonly kind: 'own-job'; readonly job: string }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'garbled'; readonly issues: readonly Issue[] };

const CHANGES = new Set(['added', 'updated', 'removed']);

/**
 * Reads the payload of a `cron` event. Actions that we do not know, and `scheduled`, say nothing.
 *
 * @param limitOf the limit of a job's runs, ms
 */
export function readCronEvent(payload: unknown, limitOf: (job: string) => number | null): CronNews {
  const { data, error } = cronEvent.safeParse(payload);
  if (error !== undefined) return { kind: 'garbled', issues: issuesOf(error, payload, 'event.cron') };
  if (typeof data.job?.declarationKey === 'string') return { kind: 'own-job', job: data.jobId };
  if (CHANGES.has(data.action)) return { kind: 'jobs-changed' };
  if (data.action === 'started') {
    const run = started.safeParse(payload);
    if (!run.success) return { kind: 'garbled', issues: issuesOf(run.error, payload, 'event.cron') };
    return { kind: 'began', run: { job: data.jobId, started_at: run.data.runAtMs } };
  }
  if (data.action !== 'finished') return { kind: 'nothing' };
  const report = readRun(payload, limitOf(data.jobId), 'event.cron');
  return 'issues' in report ? { kind: 'garbled', issues: report.issues } : { kind: 'ended', report };
}

const task = z.object({
  task: z.object({ runtime: z.literal('cron'), runId: z.string(), sourceId: z.string().min(1), startedAt: z.number() }),
});

/**
 * Which name a run has been given, from a `task` event: `cron:<job>:<start>:<uuid>:manual:...`. Only runs that somebody started
 * have one.
 */
export function readTaskEvent(payload: unknown): { readonly run: RunningRun; readonly ref: string } | undefined {
  const { data } = task.safeParse(payload);
  const ref = data === undefined ? undefined : /:(manual:.+)$/.exec(data.task.runId)?.[1];
  if (data === undefined || ref === undefined) return undefined;
  return { run: { job: data.task.sourceId, started_at: data.task.startedAt }, ref };
}
