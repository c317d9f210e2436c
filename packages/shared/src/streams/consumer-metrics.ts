import { Counter, Gauge, type Registry } from 'prom-client';
import type { Outcome } from './entry-runner.js';

/** The figures of one reader; readers of one registry share their metrics. */
export interface ConsumerMetrics {
  readonly outcome: (outcome: Outcome) => void;
  /** A read came back, at this time (epoch ms). */
  readonly read: (at: number) => void;
  readonly lost: (entries: number) => void;
}

/** What a reader has counted since somebody asked. prom-client sorts and joins the labels at every increment. */
interface Figures {
  readonly stream: string;
  readonly group: string;
  readonly outcomes: Map<Outcome, number>;
  readAt: number | undefined;
}

interface Shared {
  readonly figures: Figures[];
  readonly unread: Counter<'stream' | 'group'>;
}

const registered = new WeakMap<Registry, Shared>();

/** Registers them, or joins those that are registered. */
export function consumerMetrics(metrics: Registry, stream: string, group: string): ConsumerMetrics {
  const shared = registered.get(metrics) ?? register(metrics);
  const own = shared.figures.find((one) => one.stream === stream && one.group === group) ?? {
    stream,
    group,
    outcomes: new Map<Outcome, number>(),
    readAt: undefined as number | undefined,
  };
  if (!shared.figures.includes(own)) shared.figures.push(own);
  return {
    outcome: (outcome) => {
      own.outcomes.set(outcome, (own.outcomes.get(outcome) ?? 0) + 1);
    },
    read: (at) => {
      own.readAt = at;
    },
    lost: (count) => shared.unread.inc({ stream, group }, count),
  };
}

function register(metrics: Registry): Shared {
  const registers = [metrics];
  const figures: Figures[] = [];
  new Counter({
    name: 'ops_stream_entries_total',
    help: 'Entries by what became of them',
    labelNames: ['stream', 'group', 'outcome'],
    registers,
    collect() {
      for (const { stream, group, outcomes } of figures) {
        for (const [outcome, count] of outcomes) this.inc({ stream, group, outcome }, count);
        outcomes.clear();
      }
    },
  });
  new Gauge({
    name: 'ops_stream_last_read_timestamp_seconds',
    help: 'When a read of the stream last came back',
    labelNames: ['stream', 'group'],
    registers,
    collect() {
      for (const { stream, group, readAt } of figures) if (readAt !== undefined) this.set({ stream, group }, readAt / 1000);
    },
  });
  const unread = new Counter({
    name: 'ops_stream_trimmed_unread_total',
    help: 'Entries that went before their group had handled them',
    labelNames: ['stream', 'group'],
    registers,
  });
  const shared = { figures, unread };
  registered.set(metrics, shared);
  return shared;
}
