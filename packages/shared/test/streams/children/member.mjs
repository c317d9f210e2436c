// A member of a group in a process of its own: handles, tells each subject on stdout, and dies of the subject `poison`.
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { createPublisher, EntryReader, openBlockingClient, openClient, StreamConsumer } from '../../../dist/streams/index.js';

const [url, stream, group, lease] = process.argv.slice(2);
const client = openClient(url, 'child');
await client.connect();
const consumer = new StreamConsumer({
  client,
  blocking: openBlockingClient(url, 'child-blocking'),
  publisher: createPublisher({ client, origin: { service: group, host: 'h' }, now: () => Date.now() }),
  stream,
  group,
  consumer: `child-${process.pid}`,
  handlers: {
    'alert.reported': ({ subject }) => {
      if (subject === 'poison') process.exit(9);
      process.stdout.write(`${subject}\n`);
      return [];
    },
  },
  concurrency: 8,
  leaseMs: Number(lease),
  maxAttempts: 3,
  maxDeliveries: 3,
  backoffMs: 20,
  doneTtlMs: 3_600_000,
  log: pino({ level: 'silent' }),
  now: () => Date.now(),
  metrics: new Registry(),
  reader: new EntryReader(),
});
await consumer.start();
