import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listDeadLetters, openBlockingClient } from '../../src/streams/index.js';
import { eventually, type LeakCheck, leakCheck, testRedis } from '../../src/testing/index.js';
import { GROUP, STREAM, type TestBus, testBus } from './bus.js';
import { recorder } from './noting.js';

// What a naive group of consumers does wrong when members are slow, die or leave much behind: 6, 7, 8 and 10 of docs/bus.md.

let bus: TestBus;
let leaks: LeakCheck;
let url: string;

beforeEach(async () => {
  ({ url } = await (await testRedis()).fresh());
  leaks = await leakCheck({ redisUrl: url });
  bus = await testBus(url);
});

afterEach(async () => {
  await bus.close();
  expect((await leaks.leaks()).filter((leak) => !leak.includes('pending'))).toEqual([]);
  await leaks.close();
});

const pending = async (group = GROUP) => Number(((await bus.client.xpending(STREAM, group)) as unknown[])[0]);

test('6. slow handlers, two members: each event is run once', async () => {
  const runs: string[] = [];
  const slow = async ({ subject }: { subject: string }) => {
    runs.push(subject);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return [];
  };
  for (const _member of [1, 2]) await bus.join({ 'alert.reported': slow }, { concurrency: 2, leaseMs: 1000 });
  for (let index = 0; index < 20; index++) await bus.report(`s${index}`);
  await eventually(async () => {
    expect(runs.length).toBeGreaterThanOrEqual(20);
    expect(await pending()).toBe(0);
  });
  expect(runs.toSorted()).toEqual(Array.from({ length: 20 }, (_, index) => `s${index}`).toSorted());
});

test('7. a poison event that kills its process is dead after so many deliveries, before it kills another; its neighbours are handled', async () => {
  await bus.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
  for (const subject of ['before', 'poison', 'after']) await bus.report(subject);
  const child = fileURLToPath(new URL('./children/member.mjs', import.meta.url));
  const said: string[] = [];
  let deaths = 0;
  while ((await listDeadLetters(bus.client, STREAM)).length === 0) {
    await new Promise<void>((ended) => {
      const running = execFile(process.execPath, [child, url, STREAM, GROUP, '1000'], (_error, stdout) => {
        said.push(...stdout.split('\n').filter(Boolean));
        if (running.exitCode === 9) deaths += 1;
        ended();
      });
      // It lives when nothing kills it any more.
      void eventually(async () => expect(await listDeadLetters(bus.client, STREAM)).toHaveLength(1), { within: 8000 })
        .catch(() => undefined)
        .finally(() => running.kill('SIGKILL'));
    });
    expect(deaths).toBeLessThanOrEqual(3);
  }
  expect(deaths).toBe(3);
  expect(await listDeadLetters(bus.client, STREAM)).toMatchObject([{ code: 'delivery-limit', type: 'alert.reported' }]);
  const { seen, handlers } = recorder();
  await bus.join(handlers);
  await eventually(async () => expect(await pending()).toBe(0));
  expect(new Set([...said, ...seen])).toEqual(new Set(['before', 'after']));
});

describe('8. members that die', () => {
  test('thirty restarts leave one consumer, and every entry that the dead ones had is handled', async () => {
    await bus.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
    for (let index = 0; index < 30; index++) {
      await bus.report(`s${index}`);
      await bus.client.xreadgroup('GROUP', GROUP, `killed-${index}`, 'COUNT', 1, 'STREAMS', STREAM, '>');
    }
    const { seen, handlers } = recorder();
    await bus.join(handlers);
    await eventually(() => expect(seen).toEqual(Array.from({ length: 30 }, (_, index) => `s${index}`)));
    await bus.report('one more');
    await eventually(() => expect(seen).toHaveLength(31));
    // The dead leave when they own nothing, which is at the next change of reader.
    await bus.close();
    bus = await testBus(url);
    const { seen: more, handlers: others } = recorder();
    await bus.join(others);
    await bus.report('another');
    await eventually(() => expect(more).toEqual(['another']));
    expect(await bus.client.xinfo('CONSUMERS', STREAM, GROUP)).toHaveLength(1);
  });
});

describe('10. order, and what waits behind a busy head', () => {
  test('a dead member had many in hand: they are all taken over, in order, before anything new', async () => {
    await bus.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
    for (let index = 0; index < 150; index++) await bus.report('same', String(index));
    await bus.client.xreadgroup('GROUP', GROUP, 'killed', 'COUNT', 150, 'STREAMS', STREAM, '>');
    const { seen, handlers } = recorder();
    await bus.join(handlers, { concurrency: 8 });
    await bus.report('same', 'new');
    await eventually(() => expect(seen).toHaveLength(151));
    expect(seen).toEqual([...Array.from({ length: 150 }, (_, index) => `same${index}`), 'samenew']);
  });

  test('a frozen reader was given entries that nobody else can read: they come before later ones', async () => {
    const { seen, handlers } = recorder();
    await bus.join(handlers);
    await bus.report('same', '1');
    await eventually(() => expect(seen).toEqual(['same1']));
    // A reader of the same group beside the one with the lease, blocked at Redis before it: what a frozen process leaves behind.
    const zombie = openBlockingClient(url, 'zombie');
    const stolen = zombie.xreadgroup('GROUP', GROUP, 'zombie', 'COUNT', 1, 'BLOCK', 20_000, 'STREAMS', STREAM, '>');
    await eventually(async () => expect(String(await bus.client.info('clients'))).toMatch(/blocked_clients:[2-9]/));
    for (const status of ['2', '3', '4', '5']) await bus.report('same', status);
    await stolen;
    zombie.disconnect();
    await eventually(() => expect(seen).toEqual(['same1', 'same2', 'same3', 'same4', 'same5']), { within: 15_000 });
  });
});
