import { GatewayRefusal } from '@ops/shared/probes';
import type { Clock } from '@ops/shared/runtime';
import { z } from 'zod';
import type { KillOutcome, RunningRun } from '../source.js';
import type { GatewayLink } from './gateway-link.js';

/** It waits up to 15 s for the run to end before it answers. */
const ANSWER_MS = 30_000;
/**
 * A run has its session some hundred ms after it has begun, and can be ended a moment later. A session that is deleted in between
 * leaves a run that nothing can end any more (2026.2.2-3).
 */
const YOUNGEST_MS = 5000;
const MOST_LOOKS = 6;
const LOOK_EVERY_MS = 500;

const sessions = z.object({ sessions: z.array(z.object({ key: z.string() })) });
const deleted = z.object({ deleted: z.boolean().nullish() });

/**
 * Deletes the session of the run, which ends it: a legacy gateway has no other way. The transcript stays. The gateway then writes
 * the run down as `ok`, without a summary.
 *
 * @param agent of the job; the gateway's default is `main`
 */
export async function deleteSession(
  link: GatewayLink,
  clock: Clock,
  run: RunningRun,
  agent: string | null,
): Promise<KillOutcome> {
  await clock.sleep(Math.max(0, Math.min(YOUNGEST_MS, run.started_at + YOUNGEST_MS - clock.now())));
  for (let looks = 1; ; looks += 1) {
    const outcome = await deleteOnce(link, run, agent);
    if (outcome.kind === 'sent' || looks === MOST_LOOKS) return outcome;
    await clock.sleep(LOOK_EVERY_MS);
  }
}

async function deleteOnce(link: GatewayLink, run: RunningRun, agent: string | null): Promise<KillOutcome> {
  const { sessions: all } = await link.read('sessions.list', {}, sessions);
  // The gateway falls back to its default agent for one that it does not know, so its own list knows better than the job.
  const key = all.find((one) => one.key.includes(`:cron:${run.job}`))?.key ?? `agent:${agent ?? 'main'}:cron:${run.job}`;
  try {
    const answer = deleted.safeParse(await link.ask('sessions.delete', { key, deleteTranscript: false }, ANSWER_MS));
    return answer.data?.deleted === true
      ? { kind: 'sent', how: 'sessions.delete' }
      : { kind: 'not-possible', how: 'sessions.delete: the run has no session of its own' };
  } catch (error) {
    // It has told the run to end, and the run has not done so for 15 s.
    if (error instanceof GatewayRefusal && error.code === 'UNAVAILABLE')
      return { kind: 'sent', how: `sessions.delete: ${error.said}` };
    if (error instanceof GatewayRefusal) return { kind: 'not-possible', how: `sessions.delete: ${error.message}` };
    throw error;
  }
}
