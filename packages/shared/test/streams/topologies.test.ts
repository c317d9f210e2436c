import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { keys } from '../../src/events/index.js';
import { defineJob, onJob, openQueues } from '../../src/queues/index.js';
import { listDeadLetters } from '../../src/streams/index.js';
import { eventually, ownCluster, ownSentinel } from '../../src/testing/index.js';
import { GROUP, STREAM, type TestBus, testBus } from './bus.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const note = defineJob({
  name: 'note',
  schema: z.object({ text: z.string() }),
  attempts: 3,
  backoffMs: 100,
  purpose: ({ text }) => text,
});

/** A queue on the bus whose jobs are noted. */
function noting(url: string, bus: TestBus) {
  const done: string[] = [];
  const queues = openQueues(url, 'tested', bus.publisher, pino({ level: 'silent' }), new Registry());
  closing.push(() => queues.close());
  queues.work([
    onJob(note, async ({ text }) => {
      done.push(text);
      return [];
    }),
  ]);
  return { done, queues };
}

it('Sentinel: a failover, and clients go on with the new master', async () => {
  const sentinel = await ownSentinel();
  closing.push(() => sentinel.close());
  const bus = await testBus(sentinel.url);
  closing.push(() => bus.close());
  const seen: string[] = [];
  await bus.join({
    'alert.reported': ({ subject }) => {
      seen.push(subject);
      return [];
    },
  });
  const { done, queues } = noting(sentinel.url, bus);
  await bus.report('before');
  await queues.add(note, { text: 'before' });
  await eventually(() => expect([seen, done]).toEqual([['before'], ['before']]));

  const [first, second] = sentinel.servers;
  expect(await sentinel.masterPort()).toBe(first.port);
  await first.kill();
  await eventually(async () => expect(await sentinel.masterPort()).toBe(second.port), { within: 30_000, every: 100 });
  await eventually(() => bus.report('after'), { within: 20_000 });
  await eventually(() => queues.add(note, { text: 'after' }), { within: 20_000 });
  await eventually(() => expect(seen).toContain('after'), { within: 20_000 });
  await eventually(() => expect(done).toContain('after'), { within: 20_000 });

  // The old master comes back as a replica of the new one, and nobody writes to it.
  await first.start();
  await bus.report('later');
  await eventually(() => expect(seen).toContain('later'));
});

it('Cluster: publish, consume, dead letter, queue job over three masters', async () => {
  const cluster = await ownCluster();
  closing.push(() => cluster.close());
  const bus = await testBus(cluster.url);
  closing.push(() => bus.close());
  const seen: string[] = [];
  await bus.join({
    'alert.reported': ({ subject }) => {
      if (subject === 'poison') throw new Error('never');
      seen.push(subject);
      const data = {
        notice_id: 'n',
        audience: 'maurice',
        severity: 'info',
        text: 't',
        about: subject,
        incident_id: null,
      } as const;
      return [{ type: 'notice.published', subject, data }];
    },
  });
  for (const subject of ['a', 'poison', 'b']) await bus.report(subject);
  await eventually(() => expect(seen).toEqual(['a', 'b']));
  await eventually(async () =>
    expect(await listDeadLetters(bus.client, STREAM)).toMatchObject([{ group: GROUP, code: 'failed' }]),
  );
  expect((await bus.client.xpending(STREAM, GROUP))[0]).toBe(0);
  expect(await bus.client.xlen('ops:incidents')).toBe(2);

  const { done, queues } = noting(cluster.url, bus);
  await queues.add(note, { text: 'at once' });
  await queues.add(note, { text: 'in a moment' }, 300);
  await eventually(() => expect(done).toEqual(['at once', 'in a moment']), { within: 20_000 });

  // A stream and its dead letters share a slot; other streams and the queues have slots of their own.
  const slot = (key: string) => bus.client.cluster('KEYSLOT', key);
  expect(await slot(keys.deadLetters(STREAM))).toBe(await slot(STREAM));
  expect(new Set(await Promise.all([STREAM, 'ops:incidents', `${keys.queuePrefix}:tested:meta`].map(slot))).size).toBe(3);
});

it('Cluster: while it is away a command ends with an error; when it is back, clients and readers go on', async () => {
  const cluster = await ownCluster();
  closing.push(() => cluster.close());
  const bus = await testBus(cluster.url);
  closing.push(() => bus.close());
  const seen: string[] = [];
  await bus.join({
    'alert.reported': ({ subject }) => {
      seen.push(subject);
      return [];
    },
  });
  await bus.report('before');
  await eventually(() => expect(seen).toEqual(['before']));
  await Promise.all(cluster.nodes.map((node) => node.stop()));
  const begin = performance.now();
  await expect(bus.client.set('a', '1')).rejects.toThrow();
  await expect(bus.report('lost')).rejects.toThrow();
  expect(performance.now() - begin).toBeLessThan(20_000);
  await Promise.all(cluster.nodes.map((node) => node.start()));
  await eventually(() => bus.report('after'), { within: 20_000 });
  await eventually(() => expect(seen).toContain('after'), { within: 20_000 });
});
