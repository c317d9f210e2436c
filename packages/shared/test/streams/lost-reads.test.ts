import { afterEach, beforeEach, expect, test } from 'vitest';
import { openBlockingClient } from '../../src/streams/index.js';
import { eventually, type FaultProxy, faultProxy, type LeakCheck, leakCheck, testRedis } from '../../src/testing/index.js';
import { GROUP, losses, STREAM, type TestBus, testBus } from './bus.js';

// What a read was given and its reader does not know: the answer was lost, or the read came late.

let bus: TestBus;
let leaks: LeakCheck;
let url: string;
let proxy: FaultProxy;
let proxied: string;

beforeEach(async () => {
  const { url: address, port } = await (await testRedis()).fresh();
  url = address;
  leaks = await leakCheck({ redisUrl: url });
  bus = await testBus(url);
  proxy = await faultProxy({ port });
  proxied = url.replace(String(port), String(proxy.port));
});

afterEach(async () => {
  await bus.close();
  await proxy.close();
  expect((await leaks.leaks()).filter((leak) => !leak.includes('pending'))).toEqual([]);
  await leaks.close();
});

const pending = async () => Number(((await bus.client.xpending(STREAM, GROUP)) as unknown[])[0]);
const held = () => {
  let release: () => void = () => undefined;
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { until, release: () => release() };
};

test('a read whose answer was lost is no loss of entries: they are handled, and not counted', async () => {
  const seen: string[] = [];
  const handlers = {
    'alert.reported': ({ data }: { data: { status: string } }) => {
      seen.push(data.status);
      return [];
    },
  };
  const blocking = openBlockingClient(proxied, 'test-cut');
  await bus.join(handlers, { blocking });
  await bus.report('same', '1');
  await eventually(() => expect(seen).toEqual(['1']));
  const cut = proxy.cutNextReply();
  await bus.report('same', '2');
  await cut;
  await bus.report('same', '3');
  await eventually(() => expect(seen).toEqual(['1', '2', '3']));
  // It looks for losses every few seconds.
  const looks = async () =>
    Number(/cmdstat_xinfo\|stream:calls=(\d+)/.exec(String(await bus.client.info('commandstats')))?.[1] ?? 0);
  const before = await looks();
  await eventually(async () => expect(await looks()).toBeGreaterThan(before + 1), { within: 30_000 });
  expect(await losses(bus.client)).toEqual([]);
});

test('a read that the network held up comes after the next connection reads: what it is given is handled, in order', async () => {
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
  const blocking = openBlockingClient(proxied, 'test-stalled');
  await bus.join(handlers, { blocking, concurrency: 1 }, proxied);
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
});

test('a frozen member wakes up, acknowledges what its successor has in hand and is given something new: that comes first', async () => {
  for (const status of ['1', '2', '3']) await bus.report('same', status);
  const texts = (await bus.client.xrange(STREAM, '-', '+')).map(([, fields]) => fields[1] ?? '');
  await bus.client.del(STREAM);
  await bus.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
  const first = (await bus.client.xadd(STREAM, '*', 'event', texts[0] ?? '')) ?? '';
  await bus.client.xreadgroup('GROUP', GROUP, 'frozen', 'COUNT', 1, 'STREAMS', STREAM, '>');
  const [begun, handled]: [string[], string[]] = [[], []];
  const gate = held();
  await bus.join({
    'alert.reported': async ({ data }) => {
      begun.push(data.status);
      await gate.until;
      handled.push(data.status);
      return [];
    },
  });
  await eventually(() => expect(begun).toEqual(['1']));
  await eventually(async () => expect(String(await bus.client.client('LIST'))).toMatch(/cmd=xreadgroup/));
  // In one step, so that the one who stands waiting is given only the third.
  await bus.client
    .multi()
    .xadd(STREAM, '*', 'event', texts[1] ?? '')
    .xreadgroup('GROUP', GROUP, 'frozen', 'COUNT', 1, 'STREAMS', STREAM, '>')
    .xack(STREAM, GROUP, first)
    .xadd(STREAM, '*', 'event', texts[2] ?? '')
    .exec();
  await eventually(async () => expect(await pending()).toBe(2));
  gate.release();
  await eventually(async () => expect(await pending()).toBe(0));
  expect(handled).toEqual(['1', '2', '3']);
});
