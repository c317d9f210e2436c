import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { keys } from '../../src/events/index.js';
import { defineJob, onJob, openQueues, type Queues } from '../../src/queues/index.js';
import { keepWorker } from '../../src/queues/keep-worker.js';
import { lookAtQueue } from '../../src/queues/look-at-queue.js';
import { type OpenWorker, openWorker } from '../../src/queues/worker.js';
import { createPublisher, openClient, openQueueClient, type RedisClient } from '../../src/streams/index.js';
import { eventually, type OwnRedis, ownRedis } from '../../src/testing/index.js';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const log = pino({ level: 'silent' });
const note = defineJob({
  name: 'note',
  schema: z.object({ text: z.string() }),
  attempts: 3,
  backoffMs: 50,
  purpose: ({ text }) => text,
});

let redis: OwnRedis;
let client: RedisClient;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  redis = await ownRedis();
  client = openClient(redis.url, 'test');
  closing.push(
    () => redis.close(),
    () => client.disconnect(),
  );
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const publisher = () => createPublisher({ client, origin: { service: 'tested', host: 'h' }, now: () => Date.now() });

function queuesOf(): Queues {
  const queues = openQueues(redis.url, 'tested', publisher(), log, new Registry());
  closing.push(() => queues.close());
  return queues;
}

const noted = (texts: string[]) =>
  onJob(note, async ({ text }) => {
    texts.push(text);
    return [];
  });

describe('an outage of Redis', () => {
  it('close returns within its deadline while Redis is down, also with a job in hand', async () => {
    const queues = queuesOf();
    let begun = false;
    queues.work([
      onJob(note, () => {
        begun = true;
        return new Promise(() => undefined);
      }),
    ]);
    await queues.add(note, { text: 'a' });
    await eventually(() => expect(begun).toBe(true));
    await redis.kill();
    const begin = performance.now();
    await queues.close();
    expect(performance.now() - begin).toBeLessThan(10_000);
  });

  it('due jobs run after it, and none of their tries is spent', async () => {
    const queues = queuesOf();
    const texts: string[] = [];
    queues.work([noted(texts)]);
    await queues.add(note, { text: 'due in the outage' }, 1000);
    await queues.add(note, { text: 'before' });
    await eventually(() => expect(texts).toEqual(['before']));
    await redis.stop();
    await expect(queues.add(note, { text: 'refused' })).rejects.toThrow();
    const away = performance.now();
    // Longer than a worker waits for a job (5 s) and a second: what made a former version deaf.
    await eventually(() => expect(performance.now() - away).toBeGreaterThan(7000), { within: 9000 });
    await redis.start();
    await eventually(() => expect(texts).toEqual(['before', 'due in the outage']), { within: 20_000 });
    await queues.add(note, { text: 'after' });
    await eventually(() => expect(texts).toContain('after'));
  });
});

describe('a worker', () => {
  it('that was killed with kill -9: its job is done by another one, in 10 to 30 s', async () => {
    const queues = queuesOf();
    await queues.add(note, { text: 'a' });
    const child = spawn(process.execPath, ['--input-type=module', '-e', HANGING], {
      cwd: PACKAGE,
      env: { ...process.env, URL: redis.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    closing.push(() => child.kill('SIGKILL'));
    let said = '';
    child.stdout.on('data', (part: Buffer) => {
      said += part.toString();
    });
    await eventually(() => expect(said).toContain('begun'));
    const texts: string[] = [];
    queues.work([noted(texts)]);
    child.kill('SIGKILL');
    const begin = performance.now();
    await eventually(() => expect(texts).toEqual(['a']), { within: 35_000, every: 100 });
    expect(performance.now() - begin).toBeGreaterThan(5000);
  });

  it('that has fallen silent is replaced, counted and logged', async () => {
    const queue = new Queue('tested', { connection: openQueueClient(redis.url, 'look', 'adding'), prefix: keys.queuePrefix });
    const opened: OpenWorker[] = [];
    const texts: string[] = [];
    const lines: string[] = [];
    const metrics = new Registry();
    const kept = keepWorker({
      queue: 'tested',
      open: () => {
        const worker = openWorker({ url: redis.url, service: 'tested', handlers: [noted(texts)], publisher: publisher(), log });
        opened.push(worker);
        return worker;
      },
      look: () => lookAtQueue(queue, client),
      policy: { patienceMs: 600, pauseMs: 60_000, mostPauseMs: 60_000 },
      everyMs: 100,
      log: pino({ level: 'error' }, { write: (line: string) => lines.push(line) }),
      metrics,
    });
    closing.push(
      () => queue.close(),
      () => kept.close(),
    );
    const queues = queuesOf();
    await queues.add(note, { text: 'heard' });
    await eventually(() => expect(texts).toEqual(['heard']));
    // Deaf: it is there, its connections live, and it asks for nothing.
    await opened[0]?.worker.pause(true);
    await queues.add(note, { text: 'waiting' });
    await queues.add(note, { text: 'later' }, 300);
    await eventually(() => expect([...texts].sort()).toEqual(['heard', 'later', 'waiting']));
    expect(opened).toHaveLength(2);
    expect(lines.filter((line) => line.includes('it is restarted'))).toHaveLength(1);
    expect(await metrics.metrics()).toContain('ops_queue_worker_restarts_total{queue="tested"} 1');
  });
});

// A process of its own that takes the job and never ends it.
const HANGING = `
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { defineJob, onJob, openQueues } from './dist/queues/index.js';
const note = defineJob({ name: 'note', schema: z.object({ text: z.string() }), attempts: 3, backoffMs: 50, purpose: ({ text }) => text });
const queues = openQueues(process.env.URL, 'tested', { publish: async () => [] }, pino({ level: 'silent' }), new Registry());
queues.work([onJob(note, () => { process.stdout.write('begun'); return new Promise(() => setInterval(() => {}, 1000)); })]);
`;
