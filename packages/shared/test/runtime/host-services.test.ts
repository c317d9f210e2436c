import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { keys } from '../../src/events/index.js';
import { defineJob, onJob } from '../../src/queues/index.js';
import type { ServiceDefinition } from '../../src/runtime/index.js';
import { DeferError, type Publisher } from '../../src/streams/index.js';
import { eventually, ownRedis, recorder, testHost, testPostgres } from '../../src/testing/index.js';

const good = (name: string, seen: string[] = []): ServiceDefinition => ({
  name,
  migrations: {},
  wire: async () => ({
    on: {
      'alert.reported': (event) => {
        seen.push(event.subject);
        return [];
      },
    },
  }),
});
const alert = (service: string) => ({
  type: 'alert.reported' as const,
  subject: service,
  data: { service, status: 'down', metric: 'm', threshold: 1, current_value: 2, timestamp: '2026-11-23T10:00:00Z' },
});

test('a service whose migration fails is tried again, and its neighbours do not notice', async () => {
  const seen: string[] = [];
  let failures = 0;
  const broken: ServiceDefinition = {
    ...good('broken'),
    migrations: {
      one: {
        up: async () => {
          failures += 1;
          if (failures <= 2) throw new Error('not yet');
        },
      },
    },
  };
  const host = await testHost([broken, good('neighbour', seen)]);
  expect(failures).toBe(3);
  await host.publisher.publish([alert('crm')]);
  await eventually(() => expect(seen).toEqual(['crm']));
  expect(host.log.filter((line) => line.includes('cannot start yet'))).toHaveLength(2);
  await host.close();
});

test('a loop that throws goes on, and is not logged at every round', async () => {
  let rounds = 0;
  const host = await testHost([
    {
      ...good('looping'),
      wire: async () => ({
        on: {},
        loops: [
          {
            name: 'throwing',
            round: async () => {
              rounds += 1;
              if (rounds < 4) throw new Error('once more');
              return 10;
            },
          },
        ],
      }),
    },
  ]);
  await eventually(() => expect(rounds).toBeGreaterThan(6));
  expect(host.log.filter((line) => line.includes('a round failed'))).toHaveLength(2);
  await host.close();
});

test('loops run while Redis is away; the service is ready when it is there, and unready when it goes', async () => {
  const redis = await ownRedis();
  const databaseUrl = await (await testPostgres()).fresh();
  const host = await testHost([good('waiting')], { servers: { redisUrl: redis.url, databaseUrl } });
  const ready = async () => (await fetch(`${host.hosted.address}/readyz`)).status;
  expect(await ready()).toBe(200);
  await redis.kill();
  await eventually(async () => expect(await ready()).toBe(503));
  expect((await fetch(`${host.hosted.address}/healthz`)).status).toBe(200);
  await redis.start();
  await eventually(async () => expect(await ready()).toBe(200), { within: 20_000 });
  await host.close();
  await redis.close();
});

test('what a service says while Redis is away is on the bus after its restart; without a spool it is told so, and works', async () => {
  const [redis, databaseUrl] = [await ownRedis(), await (await testPostgres()).fresh()];
  const servers = { redisUrl: redis.url, databaseUrl };
  const home = await mkdtemp(join(tmpdir(), 'ops-test-home-'));
  let publisher: Publisher | undefined;
  const talking: ServiceDefinition = {
    ...good('talking'),
    wire: async (context) => {
      publisher = context.publisher;
      return { on: {} };
    },
  };
  const first = await testHost([talking], { servers, home });
  await redis.stop();
  await publisher?.publish([alert('crm')]);
  expect(publisher?.waiting.entries).toBe(1);
  await first.close();
  await redis.start();
  const second = await testHost([talking], { servers, home });
  await eventually(async () => expect(await second.redis.xlen('ops:alerts')).toBe(1));
  await second.close();

  await rm(join(home, 'spool'), { recursive: true });
  // A file where the folder should be stops also those who may write anywhere.
  await writeFile(join(home, 'spool'), '');
  const third = await testHost([talking], { servers, home });
  expect(third.log.filter((line) => line.includes('no spool'))).toHaveLength(1);
  await publisher?.publish([alert('crm')]);
  expect(await third.redis.xlen('ops:alerts')).toBe(2);
  await redis.stop();
  await expect(publisher?.publish([alert('crm')])).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
  await third.close();
  await redis.close();
  await rm(home, { recursive: true, force: true });
});

test('a job runs once for its purpose, its events are published with ids of their own, a bad one is not repeated', async () => {
  const runs: string[] = [];
  const kind = defineJob({
    name: 'remind',
    schema: z.object({ who: z.string() }),
    attempts: 3,
    backoffMs: 10,
    purpose: ({ who }) => who,
  });
  let add: (who: unknown, delay: number) => Promise<void> = async () => undefined;
  let cancel: (who: string) => Promise<void> = async () => undefined;
  const host = await testHost([
    {
      ...good('remembering'),
      async wire({ queues }) {
        add = (who, delay) => queues.add(kind, { who: who as string }, delay);
        cancel = (who) => queues.cancel(kind, { who });
        return {
          on: {},
          jobs: [
            onJob(kind, async ({ who }) => {
              runs.push(who);
              return [alert(who)];
            }),
          ],
        };
      },
    },
  ]);
  const seen = await recorder(host.redisUrl, ['ops:alerts']);
  await add('later', 60_000);
  await cancel('later');
  await add('later', 60_000);
  await add('twice', 300);
  await add('twice', 300);
  await expect(add(5, 0)).rejects.toThrow('expected string');
  const queue = new Queue('remembering', { connection: host.redis, prefix: keys.queuePrefix });
  await queue.add('remind', { who: 5 }, { attempts: 3 });
  await seen.waitFor(({ event }) => event?.subject === 'twice');
  await eventually(() => expect(host.log.some((line) => line.includes('job failed'))).toBe(true));
  await queue.close();
  expect(host.log.filter((line) => line.includes('job failed'))).toHaveLength(1);
  expect(runs).toEqual(['twice']);
  expect(seen.events).toHaveLength(1);
  await seen.close();
  await host.close();
});

test('an event that a handler defers comes back to its service through the queue, and to no other', async () => {
  const seen: string[] = [];
  let deferred = 0;
  const deferring: ServiceDefinition = {
    ...good('deferring'),
    wire: async () => ({
      on: {
        'alert.reported': (event) => {
          deferred += 1;
          if (deferred === 1) throw new DeferError(200, 'not now');
          seen.push(`deferring ${event.subject}`);
          return [];
        },
      },
    }),
  };
  const neighbour: string[] = [];
  const host = await testHost([deferring, good('neighbour', neighbour)]);
  await host.publisher.publish([alert('crm')]);
  await eventually(() => expect(seen).toEqual(['deferring crm']), { within: 20_000 });
  await host.publisher.publish([alert('other')]);
  await eventually(() => expect(neighbour).toContain('other'));
  expect(neighbour).toEqual(['crm', 'other']);
  await host.close();
});
