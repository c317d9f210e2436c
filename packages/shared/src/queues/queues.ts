import { Queue } from 'bullmq';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { keys } from '../events/index.js';
import { openQueueClient, type Publisher } from '../streams/index.js';
import { type JobHandler, type JobKind, jobId } from './catalog.js';
import { keepWorker } from './keep-worker.js';
import { lookAtQueue } from './look-at-queue.js';
import { WATCH_POLICY } from './watchdog.js';
import { openWorker, within } from './worker.js';

const DAY_SECONDS = 86_400;
const LOOK_EVERY_MS = 10_000;

/** The delayed work of a service, in one BullMQ queue of its name. Survives a restart; each purpose exists once. */
export interface Queues {
  /** Adds the job, or does nothing where one of the same purpose waits. Rejects with a ZodError for data that is not the kind's. */
  add<T>(kind: JobKind<T>, data: T, delayMs?: number): Promise<void>;
  /** Takes a waiting job back; nothing happens where there is none. */
  cancel<T>(kind: JobKind<T>, data: T): Promise<void>;
  /** Begins to work. Outputs are published before the job counts as done. */
  work(handlers: readonly JobHandler[]): void;
  /** Always ends, within 10 s also where Redis is away. */
  close(): Promise<void>;
}

export function openQueues(url: string, service: string, publisher: Publisher, log: Logger, metrics: Registry): Queues {
  const client = openQueueClient(url, `ops-${service}-queue`, 'adding');
  const queue = new Queue(service, { connection: client, prefix: keys.queuePrefix });
  queue.on('error', () => undefined);
  let kept: { close(): Promise<void> } | undefined;

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
      kept = keepWorker({
        queue: service,
        open: () => openWorker({ url, service, handlers, publisher, log }),
        look: () => lookAtQueue(queue, client),
        policy: WATCH_POLICY,
        everyMs: LOOK_EVERY_MS,
        log,
        metrics,
      });
    },
    async close() {
      await kept?.close();
      await within(queue.close(), 1000);
      client.disconnect();
    },
  };
}
