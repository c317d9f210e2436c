import { DelayedError, type Job, UnrecoverableError, Worker } from 'bullmq';
import type { Logger } from 'pino';
import { ZodError } from 'zod';
import { keys } from '../events/index.js';
import { isUnavailable, OpsError, openQueueClient, type Publisher } from '../streams/index.js';
import type { JobHandler } from './catalog.js';

// A job is held by a lock of 20 s that the worker renews every 10 s, however long the handler runs: a handler that waits
// keeps its job. One that blocks the event loop for 20 s loses it: the job is then done by another worker as well.
// A worker that was killed renews nothing: its lock runs out after 10 to 20 s, and the next check, one every 5 s for the
// whole queue, gives the job to another: 10 to 25 s (with BullMQ's own 30 s and 30 s it is 60 to 90 s).
// Shorter would take jobs from a process that merely starves on the overloaded host that we guard.
const LOCK_MS = 20_000;
const STALLED_CHECK_MS = 5000;
// How long (s) it waits for a job in one go: the next delayed one, or one that is added, ends the wait. BullMQ waits no longer for a delayed one.
const WAIT_S = 10;
// So often a job may lose its worker and is tried again. 1 would fail the job of a host that is restarted twice; for ever
// would let a job that kills its process kill every one.
const MOST_STALLS = 3;
const CONCURRENCY = 4;
const AWAY_MS = 5000;
const CLOSE_MS = 5000;

export interface WorkerOptions {
  readonly url: string;
  readonly service: string;
  readonly handlers: readonly JobHandler[];
  readonly publisher: Publisher;
  readonly log: Logger;
}

/** A worker of BullMQ with a connection of its own. */
export interface OpenWorker {
  readonly worker: Worker;
  /** Jobs that it has begun so far. */
  begun(): number;
  /** Lets running jobs finish for 5 s, then lets go of them: another worker does them again. Always ends. */
  close(): Promise<void>;
  /** Ends it without waiting for anything. */
  abandon(): Promise<void>;
}

/** Begins to work. Outputs of a job are published before it counts as done. */
export function openWorker({ url, service, handlers, publisher, log }: WorkerOptions): OpenWorker {
  const connection = openQueueClient(url, `ops-${service}-queue`, 'working');
  const byName = new Map(handlers.map((handler) => [handler.kind.name, handler]));
  let begun = 0;
  const work = async (job: Job, token?: string) => {
    begun += 1;
    const handler = byName.get(job.name);
    if (handler === undefined) throw new UnrecoverableError(`no handler for the job ${job.name}`);
    try {
      const drafts = await handler.run(job.data);
      await publisher.publish(drafts.map((draft, index) => ({ ...draft, purpose: draft.purpose ?? `${job.id}/${index}` })));
    } catch (error) {
      if (isUnavailable(error)) {
        // No fault of the job: it waits, and no try of it is spent.
        log.warn({ job: job.name, id: job.id, error }, 'job waits for a server that is away');
        await job.moveToDelayed(Date.now() + AWAY_MS, token);
        throw new DelayedError();
      }
      if (error instanceof ZodError || (error instanceof OpsError && !error.retryable)) {
        throw new UnrecoverableError(error.message);
      }
      throw error;
    }
  };
  const worker = new Worker(service, work, {
    connection,
    prefix: keys.queuePrefix,
    concurrency: CONCURRENCY,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    drainDelay: WAIT_S,
    maxStalledCount: MOST_STALLS,
  });
  worker.on('error', (error) => log.debug({ error }, 'queue worker'));
  worker.on('stalled', (id) => log.warn({ id }, 'job lost its worker, and is done again'));
  worker.on('failed', (job, error) => log.warn({ job: job?.name, id: job?.id, attempt: job?.attemptsMade, error }, 'job failed'));
  const abandon = async () => {
    await within(worker.close(true), 1000);
    connection.disconnect();
  };
  return {
    worker,
    begun: () => begun,
    async close() {
      // close() hangs while Redis is down (6.7.0): it is given a deadline, then forced.
      await within(worker.close(), CLOSE_MS);
      await abandon();
    },
    abandon,
  };
}

/** Whether the work ended, in whatever way, within `ms`. */
export async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const done = await Promise.race([work.then(() => true).catch(() => true), late]);
  clearTimeout(timer);
  return done;
}
