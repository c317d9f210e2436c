import type { HealthCheck } from '../config/index.js';
import { judgeJobs } from './decide/check-jobs.js';
import { KeptLink } from './kept-link.js';
import { OpenClawConnection } from './openclaw-connection.js';
import { GatewayRefusal } from './openclaw-frames.js';
import { OpenClawJobs } from './openclaw-jobs.js';
import { examine, type Finding, type Probe, type ProbeDeps } from './probe.js';

// The rest of the answer is there already: an old gateway blocks the count while a job runs, and must not be called down for it.
const LONGEST_PATIENCE_MS = 250;

/**
 * Asks an OpenClaw gateway by its own protocol: `health` on a kept WebSocket, and the number of enabled cron jobs. Its HTTP
 * paths are of no use: old versions answer all of them with 200 and a page.
 */
export function openclawProbe(
  health: Extract<HealthCheck, { kind: 'openclaw' }>,
  { clock, secret, linkEnded }: ProbeDeps,
): Probe {
  const { url, jobs: expected } = health.openclaw;
  const jobs = new OpenClawJobs(clock);
  let kept: OpenClawConnection | undefined;
  const link = new KeptLink(linkEnded);
  const listener = {
    heard: () => undefined,
    event: () => undefined,
    garbled: () => undefined,
    ended: () => {
      if (kept !== undefined) link.ended();
    },
  };

  const ask = async (signal: AbortSignal): Promise<Finding> => {
    if (kept?.open !== true) kept = await OpenClawConnection.open(url, secret, signal, { listener });
    const connection = kept;
    const cut = () => connection.close();
    signal.addEventListener('abort', cut, { once: true });
    try {
      const began = clock.monotonic();
      const answer = await connection.call('health', {});
      const responseMs = clock.monotonic() - began;
      if (!saysOk(answer)) return { outcome: 'failed', detail: 'health was not answered by ok: true', responseMs };
      if (expected === undefined) return { outcome: 'ok', detail: 'health is ok', responseMs };
      const count = await jobs.count(connection, Math.min(health.within, LONGEST_PATIENCE_MS));
      const { outcome, detail } = judgeJobs(expected, count, jobs.why, clock.now());
      return { outcome, detail: `health is ok, ${detail}`, responseMs };
    } finally {
      signal.removeEventListener('abort', cut);
    }
  };

  const told = (error: unknown): Finding => {
    if (error instanceof GatewayRefusal && error.starting)
      return { outcome: 'unsure', detail: `it is starting: ${error.message}` };
    throw error;
  };

  return {
    run: (signal) => link.during(() => examine(clock, health.within, signal, (cut) => ask(cut).catch(told))),
    async close() {
      link.close();
      kept?.close();
    },
  };
}

function saysOk(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'ok' in answer && answer.ok === true;
}
