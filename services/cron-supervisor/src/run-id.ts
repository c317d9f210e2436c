import { createHash } from 'node:crypto';

/** A run's name, from what it is: a job and the start of the run (epoch ms). Whoever learns of it, in whatever way, names it so. */
export function runIdOf(jobId: string, startedAt: number): string {
  return createHash('sha256').update(`${jobId} ${startedAt}`).digest('hex').slice(0, 16);
}
