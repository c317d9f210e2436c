import { expect, test } from 'vitest';
import { keys } from '../../src/events/index.js';
import { eventually, faultProxy, ownRedis, testRedis } from '../../src/testing/index.js';
import { GROUP, STREAM, testBus } from './bus.js';

test('many entries that wait for a server that is away are no reason for a warning of Node', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  const bus = await testBus((await (await testRedis()).fresh()).url);
  let away = true;
  const tried = new Set<string>();
  const handled: string[] = [];
  await bus.join(
    {
      'alert.reported': ({ subject }) => {
        tried.add(subject);
        if (away) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
        handled.push(subject);
        return [];
      },
    },
    { concurrency: 16 },
  );
  for (let index = 0; index < 16; index++) await bus.report(`s${index}`);
  await eventually(() => expect(tried.size).toBe(16));
  away = false;
  await eventually(() => expect(handled).toHaveLength(16));
  await bus.close();
  process.off('warning', note);
  expect(warnings).toEqual([]);
});

test('while a reader takes over, the position that is saved is never past what is still pending: a lost group would skip it', async () => {
  const redis = await ownRedis({ durable: false });
  const proxy = await faultProxy({ port: redis.port });
  const bus = await testBus(redis.url);
  try {
    await bus.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
    for (let index = 0; index < 6; index++) await bus.report(`s${index}`);
    await bus.client.xreadgroup('GROUP', GROUP, 'dead', 'COUNT', 6, 'STREAMS', STREAM, '>');
    const first = (await bus.client.xrange(STREAM, '-', '+', 'COUNT', 1))[0]?.[0] ?? '';
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const url = new URL(redis.url);
    url.port = String(proxy.port);
    // Each step of the taking over takes longer than the time between two renewals.
    proxy.latency(150);
    let began = false;
    await bus.join(
      {
        'alert.reported': async () => {
          began = true;
          await released;
          return [];
        },
      },
      { leaseMs: 600, concurrency: 2 },
      url.href,
    );
    const position = () => bus.client.hget(keys.position(STREAM), GROUP);
    const saved: (string | null)[] = [];
    await eventually(
      async () => {
        saved.push(await position());
        expect(began).toBe(true);
      },
      { within: 20_000, every: 20 },
    );
    // Over several renewals of the lease.
    const looks = saved.length + 50;
    await eventually(
      async () => {
        saved.push(await position());
        expect(saved.length).toBeGreaterThan(looks);
      },
      { every: 20 },
    );
    for (const at of saved) expect(at === null || Number.parseInt(at, 10) < Number.parseInt(first, 10), String(at)).toBe(true);
    release();
    const last = (await bus.client.xrevrange(STREAM, '+', '-', 'COUNT', 1))[0]?.[0];
    await eventually(async () => expect(await position()).toBe(last), { within: 20_000 });
  } finally {
    await bus.close();
    await proxy.close();
    await redis.close();
  }
}, 60_000);
