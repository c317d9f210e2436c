import { GatewayRefusal } from '@ops/shared/probes';
import { z } from 'zod';
import type { KillOutcome, RunningRun } from '../source.js';
import type { GatewayLink } from './gateway-link.js';
import { KILL_REASON } from './kill-reason.js';

const MOST_PAGES = 20;

const tasks = z.object({
  tasks: z.array(
    z.object({ taskId: z.string(), runtime: z.string(), sourceId: z.string().nullish(), startedAt: z.number().nullish() }),
  ),
  nextCursor: z.string().nullish(),
});
const cancelled = z.object({ found: z.boolean(), cancelled: z.boolean(), reason: z.string().nullish() });
const known = z.object({
  enabled: z.boolean().nullish(),
  configRevision: z.string().nullish(),
  state: z.object({ runningAtMs: z.number().nullish() }).nullish(),
});

/** Cancels the task of the run: its child processes end too, and the gateway does not try it again. */
export async function cancelTask(link: GatewayLink, run: RunningRun): Promise<KillOutcome> {
  const taskId = await findTask(link, run);
  if (taskId === undefined) {
    const job = await getJob(link, run.job);
    if (job?.state?.runningAtMs !== run.started_at) return { kind: 'not-running', how: 'tasks.list has no such run' };
    return { kind: 'not-possible', how: 'it runs without a task, in the main session' };
  }
  const { found, cancelled: done, reason } = await link.read('tasks.cancel', { taskId, reason: KILL_REASON }, cancelled);
  if (done) return { kind: 'sent', how: 'tasks.cancel' };
  return found
    ? { kind: 'not-possible', how: `tasks.cancel: ${reason ?? 'it gives no reason'}` }
    : { kind: 'not-running', how: `tasks.cancel: ${reason ?? 'no such task'}` };
}

/**
 * Switches the job off, which ends its run (2026.8 and later), and on again. Only where it was on: a job that somebody has switched
 * off stays so.
 *
 * @param restore switches the job on again, now or when the gateway is back
 */
export async function switchOff(
  link: GatewayLink,
  run: RunningRun,
  restore: (job: string) => Promise<void>,
): Promise<KillOutcome> {
  const job = await getJob(link, run.job);
  if (job?.state?.runningAtMs !== run.started_at) return { kind: 'not-running', how: 'cron.get says that it does not run' };
  if (job.enabled === false) return { kind: 'not-possible', how: 'it is switched off already' };
  try {
    await link.ask('cron.update', {
      id: run.job,
      patch: { enabled: false },
      ...(typeof job.configRevision === 'string' ? { expectedConfigRevision: job.configRevision } : {}),
    });
  } catch (error) {
    // Not done: somebody else may have changed it meanwhile, and switched it off for good.
    if (error instanceof GatewayRefusal) return { kind: 'not-possible', how: `cron.update: ${error.message}` };
    // The answer was lost: it may have been done.
    await restore(run.job);
    throw error;
  }
  await restore(run.job);
  return { kind: 'sent', how: 'switched off and on again' };
}

async function findTask(link: GatewayLink, run: RunningRun): Promise<string | undefined> {
  let cursor: string | null | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const page = await link.read('tasks.list', { status: 'running', ...(cursor ? { cursor } : {}) }, tasks);
    const found = page.tasks.find(
      (task) => task.runtime === 'cron' && task.sourceId === run.job && task.startedAt === run.started_at,
    );
    if (found !== undefined) return found.taskId;
    cursor = page.nextCursor;
    if (!cursor) return undefined;
  }
  return undefined;
}

async function getJob(link: GatewayLink, job: string): Promise<z.infer<typeof known> | undefined> {
  try {
    return known.safeParse(await link.ask('cron.get', { id: job })).data;
  } catch (error) {
    if (error instanceof GatewayRefusal && error.detail === 'CRON_JOB_NOT_FOUND') return undefined;
    throw error;
  }
}
