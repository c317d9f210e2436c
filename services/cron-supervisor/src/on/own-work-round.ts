import { nextSlot } from '@ops/shared/schedule';
import type { CronSupervisor } from '../cron-supervisor.js';
import { ownWorkDue } from '../jobs.js';
import type { OwnWork } from '../sources/own/own-work.js';

const EVERY_MS = 60_000;

/** Keeps the next slot of each piece of our own work in the queue: a slot is one job there, whoever adds it. */
export async function ownWorkRound({ queues, clock }: CronSupervisor, work: OwnWork): Promise<number> {
  const now = clock.now();
  for (const { job } of work.tasks) {
    const slot = nextSlot(job.schedule, now);
    if (slot !== undefined) await queues.add(ownWorkDue, { job: job.id, slot }, slot - now);
  }
  return EVERY_MS;
}
