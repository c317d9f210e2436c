import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keys } from '../../src/events/index.js';
import { listDeadLetters, listUnread, openBlockingClient } from '../../src/streams/index.js';
import { eventually, faultProxy, type LeakCheck, leakCheck, testRedis } from '../../src/testing/index.js';
import { GROUP, STREAM, type TestBus, testBus } from './bus.js';

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
const held = () => {
  let release: () => void = () => undefined;
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { until, release: () => release() };
};
const recorder = () => {
  const seen: string[] = [];
  return {
    seen,
    handlers: {
      'alert.reported': (event: { subject: string; data: { status: string } }) => {
        seen.push(`${event.subject}${event.data.status === 'down' ? '' : event.data.status}`);
        return [];
      },
    },
  };
};

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

  test('a read whose answer was lost is no loss of entries: they are handled, and not counted', async () => {
    const proxy = await faultProxy({ port });
    const { seen, handlers } = recorder();
    const blocking = openBlockingClient(url.replace(String(port), String(proxy.port)), 'test-cut');
    await bus.join(handlers, { blocking });
    await bus.report('same', '1');
    await eventually(() => expect(seen).toEqual(['same1']));
    const cut = proxy.cutNextReply();
    await bus.report('same', '2');
    await cut;
    await bus.report('same', '3');
    await eventually(() => expect(seen).toEqual(['same1', 'same2', 'same3']));
    // It looks for losses every few seconds.
    const looks = async () =>
      Number(/cmdstat_xinfo\|stream:calls=(\d+)/.exec(String(await bus.client.info('commandstats')))?.[1] ?? 0);
    const before = await looks();
    await eventually(async () => expect(await looks()).toBeGreaterThan(before + 1), { within: 20_000 });
    expect(await listUnread(bus.client, STREAM)).toEqual([]);
    await bus.close();
    await proxy.close();
  });

  test('a read that the network held up comes after the next connection reads: what it is given is handled, in order', async () => {
    const proxy = await faultProxy({ port });
    const gates: Record<string, ReturnType<typeof held>> = { '1': held(), '2': held() };
    const [begun, seen]: [string[], string[]] = [[], []];
    const handlers = {
      'alert.reported': async ({ data }: { data: { status: string } }) => {
        begun.push(data.status);
        await gates[data.status]?.until;
        seen.push(data.status);
        return [];
      },
    };
    const own = url.replace(String(port), String(proxy.port));
    const blocking = openBlockingClient(own, 'test-stalled');
    await bus.join(handlers, { blocking, concurrency: 1 }, own);
    await bus.report('same', '1');
    await eventually(async () => expect(await pending()).toBe(1));
    // Its next read goes out on a connection that is held up, and that the client gives up after a while.
    const reconnected = new Promise((resolve) => blocking.once('close', () => blocking.once('ready', resolve)));
    proxy.stall();
    gates['1']?.release();
    await reconnected;
    await bus.report('same', '2');
    await eventually(() => expect(begun).toEqual(['1', '2']), { within: 20_000 });
    await eventually(async () => expect(await pending()).toBe(1));
    await bus.report('same', '3');
    // While 2 is in hand nothing is read; the read that was held up arrives now, and is given 3.
    await proxy.heal();
    await eventually(async () => expect(await pending()).toBe(2));
    await bus.report('same', '4');
    gates['2']?.release();
    await eventually(() => expect(seen).toEqual(['1', '2', '3', '4']), { within: 20_000 });
    await eventually(async () => expect(await pending()).toBe(0));
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
    await eventually(async () => expect(await listUnread(bus.client, STREAM)).toMatchObject([{ group: GROUP, entries: 90 }]), {
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
    expect(await listUnread(bus.client, STREAM)).toMatchObject([{ group: GROUP, entries: 3 }]);
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
