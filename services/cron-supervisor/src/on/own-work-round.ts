import { nextSlot } from '@ops/shared/schedule';
import { RetryableError } from '@ops/shared/streams';
import type { CronSupervisor } from '../cron-supervisor.js';
import { ownWorkDue } from '../jobs.js';
import { OWN } from '../sources/own/own-work.js';
import { guardLevel } from '../state/guard-level.js';

const EVERY_MS = 60_000;
const LATER_MS = 300_000;
const SOON_MS = 3_000;

/** Keeps the next slot of each piece of our own work in the queue: a slot is one job there, whoever adds it. */
export async function queueOwnWork({ queues, clock, own }: CronSupervisor): Promise<number> {
  const now = clock.now();
  for (const { job } of own.tasks) {
    const slot = nextSlot(job.schedule, now);
    if (slot !== undefined) await queues.add(ownWorkDue, { job: job.id, slot }, slot - now);
  }
  return EVERY_MS;
}

/** Begins a piece of our own work whose slot has come. Rejects where it cannot be begun yet: the queue comes again. */
export async function doOwnWork(self: CronSupervisor, job: string): Promise<void> {
  // What is told of a job that is not in the registry yet is not kept: its run would be lost.
  if (!self.registry.jobs.has(`${OWN}/${job}`)) return comeAgain(self, job, SOON_MS);
  // At emergency nothing is started.
  if ((await guardLevel(self.redis)) === 'emergency') return comeAgain(self, job, LATER_MS);
  const outcome = await self.own.start(job);
  if (outcome.kind === 'refused') throw new RetryableError('NOT_STARTED', `our own work ${job} was not begun: ${outcome.why}`);
  await queueOwnWork(self);
}

async function comeAgain({ queues, clock }: CronSupervisor, job: string, inMs: number): Promise<void> {
  await queues.add(ownWorkDue, { job, slot: clock.now() + inMs }, inMs);
}
