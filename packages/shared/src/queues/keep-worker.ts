import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import { FRESH_WATCH, type Glance, type WatchPolicy, watchWorker } from './watchdog.js';
import type { OpenWorker } from './worker.js';

export interface KeepOptions {
  readonly queue: string;
  /** Opens a worker; called again for every restart. */
  readonly open: () => OpenWorker;
  /** Looks at the queue; rejects where Redis does not answer. */
  readonly look: () => Promise<Omit<Glance, 'begun'>>;
  readonly policy: WatchPolicy;
  /** Between two looks, in ms. */
  readonly everyMs: number;
  readonly log: Logger;
  readonly metrics: Registry;
}

/**
 * Keeps a worker working: one that has fallen silent after a reconnect, which BullMQ's have done, is replaced. Returns what
 * ends it.
 */
export function keepWorker({ queue, open, look, policy, everyMs, log, metrics }: KeepOptions): { close(): Promise<void> } {
  const restarts = counter(metrics);
  restarts.inc({ queue }, 0);
  let current = open();
  let watch = FRESH_WATCH;
  let closed = false;
  let timer: NodeJS.Timeout;
  let round: Promise<void> = Promise.resolve();
  const watchOnce = async () => {
    const seen = await look().catch(() => undefined);
    if (closed) return;
    const verdict = watchWorker(watch, seen && { ...seen, begun: current.begun() }, policy);
    watch = verdict.next;
    if (!verdict.restart) return;
    restarts.inc({ queue });
    log.error(
      { queue, due: seen?.due, restarts: watch.restarts },
      'jobs are due and the worker does not begin them: it is restarted',
    );
    await current.abandon();
    if (closed) return;
    current = open();
    // A new one counts from nothing.
    watch = { ...watch, begun: 0 };
  };
  const next = () => {
    timer = setTimeout(() => {
      round = watchOnce().finally(() => {
        if (!closed) next();
      });
    }, everyMs);
    timer.unref();
  };
  next();
  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      // A look at a Redis that is away must not hold up the end.
      await Promise.race([round, new Promise((resolve) => setTimeout(resolve, 1500).unref())]);
      await current.close();
    },
  };
}

function counter(metrics: Registry): Counter<'queue'> {
  const name = 'ops_queue_worker_restarts_total';
  return (
    (metrics.getSingleMetric(name) as Counter<'queue'> | undefined) ??
    new Counter({ name, help: 'Workers that had fallen silent and were replaced', labelNames: ['queue'], registers: [metrics] })
  );
}
