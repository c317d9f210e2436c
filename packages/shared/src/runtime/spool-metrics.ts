import { Gauge, type Registry } from 'prom-client';
import type { Publisher } from '../streams/index.js';

const publishers = new WeakMap<Registry, Map<string, Publisher>>();

/** What waits on disk for the bus, per service, read when it is asked for. Services of one process share the metrics. */
export function measureSpool(metrics: Registry, service: string, publisher: Publisher): void {
  const known = publishers.get(metrics) ?? register(metrics);
  known.set(service, publisher);
}

function register(metrics: Registry): Map<string, Publisher> {
  const known = new Map<string, Publisher>();
  publishers.set(metrics, known);
  const gauge = (name: string, help: string, value: (publisher: Publisher) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['service'],
      registers: [metrics],
      collect() {
        for (const [service, publisher] of known) this.set({ service }, value(publisher));
      },
    });
  gauge('ops_spool_events', 'Events that were accepted and wait on disk for Redis', ({ waiting }) => waiting.entries);
  gauge('ops_spool_bytes', 'Bytes of them', ({ waiting }) => waiting.bytes);
  gauge('ops_spool_oldest_timestamp_seconds', 'When the oldest of them was accepted; 0 where there is none', ({ waiting }) =>
    waiting.oldestAt === undefined ? 0 : waiting.oldestAt / 1000,
  );
  return known;
}
