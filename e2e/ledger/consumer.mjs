// A consumer of the ledger test: a member of a group whose handlers have effects in PostgreSQL, fail now and then, and answer some events.
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  createPublisher,
  EntryReader,
  openBlockingClient,
  openClient,
  openSpool,
  RetryableError,
  StreamConsumer,
} from '@ops/shared/streams';
import pg from 'pg';
import { Registry } from 'prom-client';
import { beginChild, tell } from './child.mjs';
import { noteRun, takeEffect } from './effects.mjs';
import { isAnswered } from './subjects.mjs';

const { options, log } = beginChild();
const { alias, group, url, database, leaseMs, stream, spooled, folder } = options;
const pool = new pg.Pool({ connectionString: database, max: 6 });
pool.on('error', () => undefined);
const client = openClient(url, alias);
await client.connect().catch(() => undefined);
const blocking = openBlockingClient(url, `${alias}-blocking`);
const spool = spooled ? await openSpool(join(folder, 'spool'), { maxBytes: 100_000_000, log }) : undefined;
const publisher = createPublisher({ client, origin: { service: group, host: hostname() }, now: () => Date.now(), log, spool });

const stumble = (chance, attempt) => {
  // Never so often that an event is given up.
  if (attempt < 4 && Math.random() < chance) throw new RetryableError('STUMBLED', 'a transient error, made for the test');
};

const consumer = new StreamConsumer({
  client,
  blocking,
  publisher,
  stream,
  group,
  consumer: alias,
  handlers: {
    'alert.reported': async (event, { attempt }) => {
      await noteRun(pool, { group, consumer: alias, event, attempt });
      await wait(Math.random() < 0.02 ? 100 * Math.random() : 10 * Math.random());
      stumble(0.006, attempt);
      await takeEffect(pool, { group, consumer: alias, event });
      stumble(0.004, attempt);
      if (!isAnswered(event.id)) return [];
      return [{ type: 'guard.reported', subject: event.subject, data: { level: 'normal', cpu_percent: 1 } }];
    },
  },
  concurrency: 16,
  leaseMs,
  maxAttempts: 5,
  maxDeliveries: 10,
  backoffMs: 20,
  doneTtlMs: 86_400_000,
  log,
  now: () => Date.now(),
  metrics: new Registry(),
  reader: new EntryReader(),
});
for (;;) {
  try {
    await consumer.start();
    break;
  } catch {
    // Redis is away: as a service does, this one waits for it.
    await wait(200);
  }
}

async function end(spoolToo) {
  await consumer.drain(5000);
  while (spoolToo && publisher.waiting.entries > 0) await wait(50);
  await publisher.close();
  await spool?.close();
  client.disconnect();
  await pool.end();
}

process.on('SIGTERM', async () => {
  await end(false);
  process.exit(0);
});
let finishing = false;
process.on('message', async (word) => {
  if (word !== 'finish' || finishing) return;
  finishing = true;
  await end(true);
  tell({ finished: true });
});
