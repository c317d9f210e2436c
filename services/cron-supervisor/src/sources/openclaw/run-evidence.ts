import { redactor } from '@ops/shared/secrets';
import { z } from 'zod';
import { listenerTree } from '../process-tree.js';
import type { RunEvidence, RunningRun } from '../source.js';
import { evidenceLines } from './decide/evidence-lines.js';
import type { GatewayLink } from './gateway-link.js';

const tail = z.object({ lines: z.array(z.string()) });

/** What the gateway's log, the job's last diagnostics and the process tree of the gateway say. Never rejects: what cannot be had is left out. */
export async function runEvidence(link: GatewayLink, url: string, run: RunningRun): Promise<RunEvidence> {
  const [lines, job, processes] = await Promise.all([
    link.offers('logs.tail') ? link.ask('logs.tail', { limit: 500, maxBytes: 250_000 }).catch(() => undefined) : undefined,
    link.generation === 'modern' ? link.ask('cron.get', { id: run.job }).catch(() => undefined) : undefined,
    listenerTree(url).catch(() => []),
  ]);
  const log = evidenceLines(tail.safeParse(lines).data?.lines ?? [], job, run.job);
  return { log: log.map((line) => redactor.text(line)), processes };
}
