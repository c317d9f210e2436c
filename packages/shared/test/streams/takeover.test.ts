import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually, type LeakCheck, leakCheck, testRedis } from '../../src/testing/index.js';
import { GROUP, STREAM, type TestBus, testBus } from './bus.js';

let bus: TestBus;
let leaks: LeakCheck;

beforeEach(async () => {
  const { url } = await (await testRedis()).fresh();
  leaks = await leakCheck({ redisUrl: url });
  bus = await testBus(url);
});

afterEach(async () => {
  await bus.close();
  expect((await leaks.leaks()).filter((leak) => !leak.includes('pending'))).toEqual([]);
  await leaks.close();
});

const pending = async () => Number(((await bus.client.xpending(STREAM, GROUP)) as unknown[])[0]);

test('a frozen member wakes up, acknowledges what its successor has in hand and is given something new: that comes first', async () => {
  for (const status of ['1', '2', '3']) await bus.report('same', status);
  const texts = (await bus.client.xrange(STREAM, '-', '+')).map(([, fields]) => fields[1] ?? '');
  await bus.client.del(STREAM);
  await bus.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
  const first = (await bus.client.xadd(STREAM, '*', 'event', texts[0] ?? '')) ?? '';
  await bus.client.xreadgroup('GROUP', GROUP, 'frozen', 'COUNT', 1, 'STREAMS', STREAM, '>');
  const [begun, handled]: [string[], string[]] = [[], []];
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  await bus.join({
    'alert.reported': async ({ data }) => {
      begun.push(data.status);
      await gate;
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
  release();
  await eventually(async () => expect(await pending()).toBe(0));
  expect(handled).toEqual(['1', '2', '3']);
});
