import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OpsEvent } from '../../src/events/index.js';
import { listDeadLetters } from '../../src/streams/index.js';
import { eventually, type LeakCheck, leakCheck, testRedis } from '../../src/testing/index.js';
import { GROUP, STREAM, type TestBus, testBus } from './bus.js';

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

const pending = async () => Number(((await bus.client.xpending(STREAM, GROUP)) as unknown[])[0]);

describe('members of a group', () => {
  test('what a dead member left behind is claimed and finished by another', async () => {
    await bus.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
    await bus.report('a');
    // Read, and never acknowledged: a member that was killed.
    await bus.client.xreadgroup('GROUP', GROUP, 'killed', 'COUNT', 1, 'STREAMS', STREAM, '>');
    const seen: OpsEvent[] = [];
    await bus.join({
      'alert.reported': (event) => {
        seen.push(event);
        return [];
      },
    });
    await eventually(async () => {
      expect(seen).toHaveLength(1);
      expect(await pending()).toBe(0);
    });
  });

  test('an event that has killed its members too often is dead before it kills another', async () => {
    await bus.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
    await bus.report('poison');
    await bus.client.xreadgroup('GROUP', GROUP, 'm0', 'COUNT', 1, 'STREAMS', STREAM, '>');
    for (const member of ['m1', 'm2', 'm3']) await bus.client.xautoclaim(STREAM, GROUP, member, 0, '0-0');
    let runs = 0;
    await bus.join({
      'alert.reported': () => {
        runs += 1;
        return [];
      },
    });
    await eventually(async () => expect(await listDeadLetters(bus.client, STREAM)).toMatchObject([{ code: 'delivery-limit' }]));
    expect(runs).toBe(0);
  });

  test('a slow handler is not run twice: its entry is kept alive', async () => {
    let runs = 0;
    const slow = async () => {
      runs += 1;
      await new Promise((resolve) => setTimeout(resolve, 700));
      return [];
    };
    await bus.join({ 'alert.reported': slow });
    await bus.join({ 'alert.reported': slow });
    await bus.report('a');
    await eventually(async () => {
      expect(runs).toBeGreaterThan(0);
      expect(await pending()).toBe(0);
    });
    expect(runs).toBe(1);
  });

  test('an orderly restart keeps the order of a subject, also where the first of them waits for a server', async () => {
    const away = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const member = await bus.join({
      'alert.reported': () => {
        throw away;
      },
    });
    for (const status of ['1', '2', '3']) await bus.report('same', status);
    await eventually(async () => expect(await pending()).toBe(3));
    await member.drain(5000);
    const seen: string[] = [];
    await bus.join({
      'alert.reported': ({ data }) => {
        seen.push(data.status);
        return [];
      },
    });
    await bus.report('same', '4');
    await eventually(() => expect(seen).toEqual(['1', '2', '3', '4']));
    expect(await listDeadLetters(bus.client, STREAM)).toEqual([]);
  });

  test('a drain lets what is running finish, gives the rest back at once, and leaves no consumer', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first: string[] = [];
    const member = await bus.join({
      'alert.reported': async ({ data }) => {
        first.push(data.status);
        await held;
        return [];
      },
    });
    for (const status of ['1', '2', '3']) await bus.report('same', status);
    await eventually(async () => {
      expect(first).toEqual(['1']);
      expect(await pending()).toBe(3);
    });
    const drained = member.drain(5000);
    release();
    await drained;
    expect(first).toEqual(['1']);
    const second: string[] = [];
    // With the ordinary minIdle: given back means claimable now.
    await bus.join({
      'alert.reported': ({ data }) => {
        second.push(data.status);
        return [];
      },
    });
    await eventually(() => expect(second).toEqual(['2', '3']));
    await eventually(async () => {
      const consumers = (await bus.client.xinfo('CONSUMERS', STREAM, GROUP)) as unknown[];
      expect(consumers).toHaveLength(1);
    });
  });
});

describe('Redis', () => {
  test('a group that is lost is made again at the beginning, and nothing is missed', async () => {
    const seen: string[] = [];
    await bus.join({
      'alert.reported': (event) => {
        seen.push(event.subject);
        return [];
      },
    });
    await bus.report('a');
    await eventually(() => expect(seen).toEqual(['a']));
    await bus.client.flushall();
    await bus.report('b');
    await eventually(() => expect(seen).toEqual(['a', 'b']));
  });

  test('a full Redis takes no dead letter: the entry stays pending and is buried when there is room', async () => {
    await bus.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
    await bus.client.xadd(STREAM, '*', 'event', '{');
    await bus.client.config('SET', 'maxmemory', '1');
    await bus.join({ 'alert.reported': () => [] });
    await eventually(async () => expect(String(await bus.client.info('errorstats'))).toMatch(/errorstat_OOM:count=[1-9]/));
    await eventually(async () => expect(await pending()).toBe(1));
    expect(await listDeadLetters(bus.client, STREAM)).toEqual([]);
    await bus.client.config('SET', 'maxmemory', '0');
    await eventually(async () => expect(await listDeadLetters(bus.client, STREAM)).toHaveLength(1));
    expect(await pending()).toBe(0);
  });
});
