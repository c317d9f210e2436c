import { GatewayRefusal } from '@ops/shared/probes';
import { z } from 'zod';
import type { KillOutcome, RunningRun } from '../source.js';
import type { GatewayLink } from './gateway-link.js';

/** It waits up to 15 s for the run to end before it answers. */
const ANSWER_MS = 30_000;

const sessions = z.object({ sessions: z.array(z.object({ key: z.string() })) });
const deleted = z.object({ deleted: z.boolean().nullish() });

/**
 * Deletes the session of the run, which ends it: a legacy gateway has no other way. The transcript stays. The gateway then writes
 * the run down as `ok`, without a summary.
 *
 * @param agent of the job; the gateway's default is `main`
 */
export async function deleteSession(link: GatewayLink, run: RunningRun, agent: string | null): Promise<KillOutcome> {
  const { sessions: all } = await link.read('sessions.list', {}, sessions);
  // The gateway falls back to its default agent for one that it does not know, so its own list knows better than the job.
  const key = all.find((one) => one.key.includes(`:cron:${run.job}`))?.key ?? `agent:${agent ?? 'main'}:cron:${run.job}`;
  try {
    const answer = deleted.safeParse(await link.ask('sessions.delete', { key, deleteTranscript: false }, ANSWER_MS));
    return answer.data?.deleted === true
      ? { kind: 'sent', how: 'sessions.delete' }
      : { kind: 'not-possible', how: 'sessions.delete: the run has no session of its own' };
  } catch (error) {
    if (error instanceof GatewayRefusal) return { kind: 'not-possible', how: `sessions.delete: ${error.message}` };
    throw error;
  }
}
