import { GatewayRefusal } from '@ops/shared/probes';
import { z } from 'zod';
import type { StartOutcome } from '../source.js';
import type { GatewayLink } from './gateway-link.js';
import type { RunWatch } from './run-watch.js';

const answer = z.object({
  enqueued: z.boolean().nullish(),
  ran: z.boolean().nullish(),
  reason: z.string().nullish(),
  runId: z.string().nullish(),
});

/**
 * Starts a run at once. A modern gateway answers at once. A legacy one answers when the run has ended, which may be hours later, so
 * there the `started` event of the job is the answer; while another job runs, both wait for it.
 */
export async function startRun(job: string, link: GatewayLink, watch: RunWatch): Promise<StartOutcome> {
  // A legacy gateway would let it wait, and then run it a second time.
  if (link.generation === 'legacy' && watch.running.some((run) => run.job === job)) return { kind: 'already-running' };
  const params = { id: job, mode: 'force' };
  try {
    if (link.generation === 'modern') return outcome(await link.ask('cron.run', params));
    return await startLegacy(job, link, watch, params);
  } catch (error) {
    if (error instanceof GatewayRefusal) return { kind: 'refused', why: error.message };
    throw error;
  }
}

async function startLegacy(
  job: string,
  link: GatewayLink,
  watch: RunWatch,
  params: Readonly<Record<string, unknown>>,
): Promise<StartOutcome> {
  const answered = new AbortController();
  const begun = watch.begins(job, answered.signal).then((): StartOutcome => ({ kind: 'started', ref: null }));
  try {
    const told = link.ask('cron.run', params, null).then(outcome);
    // Once it has begun, nobody waits for its answer any more, and the connection may end before it.
    told.catch(() => undefined);
    return await Promise.race([begun, told]);
  } finally {
    answered.abort();
  }
}

function outcome(payload: unknown): StartOutcome {
  const { enqueued, ran, reason, runId } = answer.safeParse(payload).data ?? {};
  if (reason === 'already-running') return { kind: 'already-running' };
  if (enqueued === true || ran === true) return { kind: 'started', ref: runId ?? null };
  return { kind: 'refused', why: reason ?? 'it gives no reason' };
}
