import { DelayedError, Queue, UnrecoverableError, Worker } from 'bullmq';
import type { Logger } from 'pino';
import { ZodError } from 'zod';
import { keys } from '../events/index.js';
import { isUnavailable, OpsError, openQueueClient, type Publisher } from '../streams/index.js';
import { type JobHandler, type JobKind, jobId } from './catalog.js';

const DAY_SECONDS = 86_400;
// A worker that was killed is noticed by the stalled check, in two passes: 20 to 40 s with this.
const STALLED_INTERVAL_MS = 20_000;
const CLOSE_MS = 5000;
const AWAY_MS = 5000;

/** The delayed work of a service, in one BullMQ queue of its name. Survives a restart; each purpose exists once. */
export interface Queues {
  /** Adds the job, or does nothing where one of the same purpose waits. Rejects with a ZodError for data that is not the kind's. */
  add<T>(kind: JobKind<T>, data: T, delayMs?: number): Promise<void>;
  /** Takes a waiting job back; nothing happens where there is none. */
  cancel<T>(kind: JobKind<T>, data: T): Promise<void>;
  /** Begins to work. Outputs are published before the job counts as done. */
  work(handlers: readonly JobHandler[]): void;
  close(): Promise<void>;
}

export function openQueues(url: string, service: string, publisher: Publisher, log: Logger): Queues {
  const producing = openQueueClient(url, `ops-${service}-queue`, 'adding');
  const working = openQueueClient(url, `ops-${service}-queue`, 'working');
  const queue = new Queue(service, { connection: producing, prefix: keys.queuePrefix });
  queue.on('error', () => undefined);
  let worker: Worker | undefined;

  return {
    async add(kind, data, delayMs = 0) {
      kind.schema.parse(data);
      await queue.add(kind.name, data, {
        jobId: jobId(kind, data),
        delay: delayMs,
        attempts: kind.attempts,
        backoff: { type: 'exponential', delay: kind.backoffMs },
        removeOnComplete: true,
        removeOnFail: { age: 7 * DAY_SECONDS, count: 1000 },
      });
    },
    async cancel(kind, data) {
      await queue.remove(jobId(kind, data));
    },
    work(handlers) {
      const byName = new Map(handlers.map((handler) => [handler.kind.name, handler]));
      worker = new Worker(
        service,
        async (job, token) => {
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
        },
        { connection: working, prefix: keys.queuePrefix, concurrency: 4, stalledInterval: STALLED_INTERVAL_MS },
      );
      worker.on('error', (error) => log.debug({ error }, 'queue worker'));
      worker.on('failed', (job, error) =>
        log.warn({ job: job?.name, id: job?.id, attempt: job?.attemptsMade, error }, 'job failed'),
      );
    },
    async close() {
      // close() hangs while Redis is down (6.7.0): it is given a deadline, then forced.
      if (worker !== undefined && !(await within(worker.close(), CLOSE_MS))) await within(worker.close(true), 1000);
      await within(queue.close(), 1000);
      for (const client of [producing, working]) client.disconnect();
    },
  };
}

async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const done = await Promise.race([work.then(() => true).catch(() => true), late]);
  clearTimeout(timer);
  return done;
}
