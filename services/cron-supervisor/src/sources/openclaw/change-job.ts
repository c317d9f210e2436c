import { GatewayRefusal } from '@ops/shared/probes';
import type { Schedule } from '@ops/shared/schedule';
import { PermanentError } from '@ops/shared/streams';
import { z } from 'zod';
import type { GatewayLink } from './gateway-link.js';

const current = z.object({
  configRevision: z.string().nullish(),
  schedule: z.object({ staggerMs: z.number().nullish() }).nullish(),
});

/**
 * Changes a job at the gateway: its schedule (cron, every, at), or the limit of its runs.
 *
 * @param payload the kind of the job's payload: a patch that names none, or another, is refused
 */
export async function changeJob(
  link: GatewayLink,
  job: string,
  payload: string,
  change: { readonly schedule?: Schedule; readonly timeout_ms?: number },
): Promise<void> {
  try {
    const known = link.generation === 'modern' ? current.safeParse(await link.ask('cron.get', { id: job })).data : undefined;
    const patch = {
      ...(change.schedule === undefined
        ? {}
        : { schedule: gatewaySchedule(change.schedule, link.generation === 'legacy', known?.schedule?.staggerMs) }),
      ...(change.timeout_ms === undefined
        ? {}
        : { payload: { kind: payload, timeoutSeconds: Math.max(1, Math.ceil(change.timeout_ms / 1000)) } }),
    };
    const revision = known?.configRevision;
    await link.ask(
      'cron.update',
      { id: job, patch, ...(typeof revision === 'string' ? { expectedConfigRevision: revision } : {}) },
      // A legacy gateway answers when no job runs.
      ...(link.generation === 'modern' ? [] : [null]),
    );
  } catch (error) {
    if (!(error instanceof GatewayRefusal)) throw error;
    throw new PermanentError('SOURCE_REFUSED', `the gateway does not change ${job}: ${error.message}`, { cause: error });
  }
}

function gatewaySchedule(schedule: Schedule, legacy: boolean, staggerMs: number | null | undefined): Record<string, unknown> {
  switch (schedule.kind) {
    case 'cron':
      return {
        kind: 'cron',
        expr: schedule.expression,
        tz: schedule.time_zone,
        ...(typeof staggerMs === 'number' ? { staggerMs } : {}),
      };
    case 'every':
      return { kind: 'every', everyMs: schedule.every_ms, anchorMs: schedule.anchor_ms };
    case 'at':
      return { kind: 'at', ...(legacy ? { atMs: schedule.at_ms } : { at: new Date(schedule.at_ms).toISOString() }) };
    case 'on-demand':
      throw new PermanentError('SOURCE_CANNOT', 'a job of the gateway cannot be on demand: expected cron, every or at');
  }
}
