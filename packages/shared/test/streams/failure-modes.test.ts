import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keys } from '../../src/events/index.js';
import { openBlockingClient } from '../../src/streams/index.js';
import { eventually, faultProxy, type LeakCheck, leakCheck, testRedis } from '../../src/testing/index.js';
import { GROUP, losses, STREAM, type TestBus, testBus } from './bus.js';
import { held, recorder } from './noting.js';

// What a naive consumer of Redis Streams does wrong, each on a real server. The numbers are those of docs/bus.md.

let bus: TestBus;
let leaks: LeakCheck;
let url: string;
let port: number;

beforeEach(async () => {
  ({ url, port } = await (await testRedis()).fresh());
  leaks = await leakCheck({ redisUrl: url });
  bus = await testBus(url);
});

afterEach(async () => {
  await bus.close();
  expect((await leaks.leaks()).filter((leak) => !leak.includes('pending'))).toEqual([]);
  await leaks.close();
});

const pending = async (group = GROUP) => Number(((await bus.client.xpending(STREAM, group)) as unknown[])[0]);
describe('2. a half-open socket', () => {
  test('the network is a black hole for 5 s: the waiting event is handled after it', async () => {
    const proxy = await faultProxy({ port });
    const { seen, handlers } = recorder();
    await bus.join(handlers, {}, url.replace(String(port), String(proxy.port)));
    await bus.report('before');
    await eventually(() => expect(seen).toEqual(['before']));
    proxy.blackhole();
    await bus.report('during');
    const begun = performance.now();
    await eventually(() => expect(performance.now() - begun).toBeGreaterThan(5000));
    expect(seen).toEqual(['before']);
    await proxy.heal();
    await eventually(() => expect(seen).toEqual(['before', 'during']), { within: 20_000 });
    await bus.close();
    await proxy.close();
  });

  test('the connection is dead for good and nobody says so: a new one is made, and what was given to the dead one is handled first', async () => {
    const proxy = await faultProxy({ port });
    const { seen, handlers } = recorder();
    await bus.join(handlers, {}, url.replace(String(port), String(proxy.port)));
    await bus.report('same', '1');
    await eventually(() => expect(seen).toEqual(['same1']));
    proxy.strand();
    // Redis gives this one to the reader that it believes to be there.
    await bus.report('same', '2');
    await bus.report('same', '3');
    await eventually(() => expect(seen).toEqual(['same1', 'same2', 'same3']), { within: 40_000 });
    await bus.close();
    await proxy.close();
  });
});

describe('3. retention', () => {
  test('entries that somebody trimmed before the group had read them are counted', async () => {
    const { until, release } = held();
    let first = true;
    await bus.join(
      {
        'alert.reported': async () => {
          if (first) await until;
          first = false;
          return [];
        },
      },
      { concurrency: 1 },
    );
    await bus.report('held');
    await eventually(async () => expect(await pending()).toBe(1));
    for (let index = 0; index < 100; index++) await bus.report(`s${index}`);
    await bus.client.xtrim(STREAM, 'MAXLEN', 10);
    release();
    await eventually(async () => expect(await losses(bus.client)).toMatchObject([{ group: GROUP, entries: 90 }]), {
      within: 15_000,
    });
    await eventually(async () => expect(await pending()).toBe(0));
  });

  test('entries that were trimmed while a dead member had them are counted, and stop nobody', async () => {
    await bus.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
    for (let index = 0; index < 5; index++) await bus.report(`s${index}`);
    await bus.client.xreadgroup('GROUP', GROUP, 'killed', 'COUNT', 5, 'STREAMS', STREAM, '>');
    await bus.client.xtrim(STREAM, 'MAXLEN', 2);
    const { seen, handlers } = recorder();
    await bus.join(handlers);
    await eventually(() => expect(seen).toEqual(['s3', 's4']));
    await eventually(async () => expect(await pending()).toBe(0));
    expect(await losses(bus.client)).toMatchObject([{ group: GROUP, entries: 3 }]);
  });
});

describe('4. the group disappears', () => {
  test('the stream is deleted under a blocked reader: the group is made again, nothing is missed, and Redis is not flooded', async () => {
    const { seen, handlers } = recorder();
    await bus.join(handlers);
    await bus.report('a');
    await eventually(() => expect(seen).toEqual(['a']));
    await bus.client.config('RESETSTAT');
    await bus.client.del(STREAM);
    for (const subject of ['b', 'c']) await bus.report(subject);
    await eventually(() => expect(seen).toEqual(['a', 'b', 'c']));
    const refused = /errorstat_NOGROUP:count=(\d+)/.exec(String(await bus.client.info('errorstats')))?.[1] ?? '0';
    expect(Number(refused)).toBeLessThan(20);
  });

  test('the group is destroyed: it is made again at its saved position, and what was published in between is handled', async () => {
    const { seen, handlers } = recorder();
    await bus.join(handlers);
    const lastId = async () => (await bus.client.xrevrange(STREAM, '+', '-', 'COUNT', 1))[0]?.[0];
    await bus.report('a');
    const saved = await lastId();
    await eventually(async () => expect(await bus.client.hget(keys.position(STREAM), GROUP)).toBe(saved));
    await bus.client.xgroup('DESTROY', STREAM, GROUP);
    await bus.report('b');
    await eventually(() => expect(seen).toEqual(['a', 'b']));
  });
});

describe('5. Redis is full', () => {
  test('a handler that has run is not run again until its acknowledgement is taken', async () => {
    let runs = 0;
    await bus.join({
      'alert.reported': async () => {
        runs += 1;
        await bus.client.config('SET', 'maxmemory', '1');
        return [];
      },
    });
    await bus.report('a');
    await eventually(async () => expect(String(await bus.client.info('errorstats'))).toMatch(/errorstat_OOM:count=[2-9]/));
    expect(await pending()).toBe(1);
    await bus.client.config('SET', 'maxmemory', '0');
    await eventually(async () => expect(await pending()).toBe(0));
    expect(runs).toBe(1);
  });

  test('the reader keeps its lease', async () => {
    const { seen, handlers } = recorder();
    await bus.join(handlers, { leaseMs: 1000 });
    await bus.join(handlers, { leaseMs: 1000 });
    await bus.report('a');
    await eventually(() => expect(seen).toEqual(['a']));
    const reader = await bus.client.get(keys.lease(STREAM, GROUP));
    await bus.client.config('SET', 'maxmemory', '1');
    const begun = performance.now();
    await eventually(() => expect(performance.now() - begun).toBeGreaterThan(2500));
    expect(await bus.client.get(keys.lease(STREAM, GROUP))).toBe(reader);
    await bus.client.config('SET', 'maxmemory', '0');
  });
});

describe('further', () => {
  test('a blocked read holds up nothing else', async () => {
    const { handlers } = recorder();
    await bus.join(handlers);
    await eventually(async () => expect(String(await bus.client.info('clients'))).toMatch(/blocked_clients:1/));
    const order: string[] = [];
    const blocked = openBlockingClient(url, 'blocked');
    const read = blocked.xread('BLOCK', 1500, 'STREAMS', 'nothing', '0').then(() => order.push('read'));
    await bus.report('a').then(() => order.push('published'));
    await read;
    blocked.disconnect();
    expect(order).toEqual(['published', 'read']);
  });

  test('no more is read than can be started', async () => {
    const { until, release } = held();
    let most = 0;
    let running = 0;
    await bus.join(
      {
        'alert.reported': async () => {
          running += 1;
          most = Math.max(most, running);
          await until;
          running -= 1;
          return [];
        },
      },
      { concurrency: 4 },
    );
    for (let index = 0; index < 20; index++) await bus.report(`s${index}`);
    await eventually(() => expect(running).toBe(4));
    expect(await pending()).toBe(4);
    release();
    await eventually(async () => expect(await pending()).toBe(0));
    expect(most).toBe(4);
  });

  test("the server's clock steps back: ids go on from the highest, and order and position hold", async () => {
    const { seen, handlers } = recorder();
    await bus.join(handlers);
    await bus.report('same', '1');
    const ahead = Date.now() + 600_000;
    // An entry of a clock that was ten minutes ahead.
    const [[, fields]] = (await bus.client.xrange(STREAM, '-', '+')) as [[string, string[]]];
    await bus.client.xadd(STREAM, `${ahead}-0`, ...fields);
    for (const status of ['2', '3']) await bus.report('same', status);
    await eventually(() => expect(seen).toEqual(['same1', 'same2', 'same3']));
    expect((await bus.client.xinfo('STREAM', STREAM)) as unknown[]).toContain(`${ahead}-2`);
  });
});
