import type { HealthCheck } from '@ops/shared/config';
import type { Clock } from '@ops/shared/runtime';
import { z } from 'zod';
import { plainUrl } from '../decide/check-expectation.js';
import { judgeJobs } from '../decide/check-jobs.js';
import { OpenClawConnection } from './openclaw-connection.js';
import { OpenClawJobs } from './openclaw-jobs.js';
import { frame, type Probe, ProbeFailure, secretFor, wordsOf } from './probe.js';

const LONGEST_PATIENCE_MS = 1000;
const healthy = z.object({ ok: z.literal(true) });

/**
 * Asks an OpenClaw gateway by its own protocol: `health` on a kept WebSocket, and the number of enabled cron jobs. Its HTTP
 * paths are of no use: old versions answer all of them with 200 and a page.
 */
export function openclawProbe(health: Extract<HealthCheck, { kind: 'openclaw' }>, { clock }: { clock: Clock }): Probe {
  const { url, jobs: expected } = health.openclaw;
  const jobs = new OpenClawJobs(clock);
  let kept: OpenClawConnection | undefined;

  const drop = () => {
    kept?.close();
    kept = undefined;
  };

  const ask = async (signal: AbortSignal) => {
    if (kept?.open !== true) kept = await OpenClawConnection.open(url, secretFor(health).secret, signal);
    const connection = kept;
    const began = clock.monotonic();
    const answer = await connection.call('health', {});
    const responseMs = clock.monotonic() - began;
    if (!healthy.safeParse(answer).success) throw new ProbeFailure('health was not answered with ok: true');
    if (expected === undefined) return { detail: 'answered health', responseMs };
    const count = await jobs.count(connection, Math.min(health.within, LONGEST_PATIENCE_MS));
    const { outcome, detail } = judgeJobs(expected, count, jobs.why, clock.now());
    if (outcome === 'failed') throw new ProbeFailure(detail);
    return { outcome, detail: `answered health; ${detail};`, responseMs };
  };

  return {
    run: (signal) =>
      frame({ clock, within: health.within, signal }, async () => {
        signal.addEventListener('abort', drop, { once: true });
        try {
          return await ask(signal);
        } catch (error) {
          drop();
          const words = wordsOf(signal.aborted ? signal.reason : error);
          throw new ProbeFailure(`OpenClaw at ${plainUrl(url)}: ${words}${secretFor(health).missing}`, { cause: error });
        } finally {
          signal.removeEventListener('abort', drop);
        }
      }),
    close: async () => drop(),
  };
}
