import { Counter, Gauge, type Registry } from 'prom-client';
import type { Outcome } from './entry-runner.js';

/** The figures of one reader; readers of one registry share their metrics. */
export interface ConsumerMetrics {
  readonly outcome: (outcome: Outcome) => void;
  /** A read came back, at this time (epoch ms). */
  readonly read: (at: number) => void;
  readonly lost: (entries: number) => void;
}

/** Registers them, or takes those that are registered. */
export function consumerMetrics(metrics: Registry, stream: string, group: string): ConsumerMetrics {
  const registers = [metrics];
  const entries = known(
    metrics,
    'ops_stream_entries_total',
    (name) =>
      new Counter({ name, help: 'Entries by what became of them', labelNames: ['stream', 'group', 'outcome'], registers }),
  );
  const lastRead = known(
    metrics,
    'ops_stream_last_read_timestamp_seconds',
    (name) => new Gauge({ name, help: 'When a read of the stream last came back', labelNames: ['stream', 'group'], registers }),
  );
  const unread = known(
    metrics,
    'ops_stream_trimmed_unread_total',
    (name) =>
      new Counter({
        name,
        help: 'Entries that went before their group had handled them',
        labelNames: ['stream', 'group'],
        registers,
      }),
  );
  const readAt = lastRead.labels({ stream, group });
  // Looked up once: labels are hashed at each look.
  const outcomes = new Map<Outcome, { inc: () => void }>();
  return {
    outcome: (outcome) => {
      const counter = outcomes.get(outcome) ?? entries.labels({ stream, group, outcome });
      outcomes.set(outcome, counter);
      counter.inc();
    },
    read: (at) => readAt.set(at / 1000),
    lost: (count) => unread.inc({ stream, group }, count),
  };
}

function known<T>(metrics: Registry, name: string, make: (name: string) => T): T {
  return (metrics.getSingleMetric(name) as T | undefined) ?? make(name);
}
