import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually, testRedis } from '../../src/testing/index.js';
import { GROUP, STREAM, type TestBus, testBus } from './bus.js';

let bus: TestBus;
let url: string;
const rejections: unknown[] = [];
const note = (reason: unknown) => void rejections.push(reason);

beforeEach(async () => {
  ({ url } = await (await testRedis()).fresh());
  bus = await testBus(url);
  rejections.length = 0;
  process.on('unhandledRejection', note);
});
afterEach(async () => {
  await bus.client.call('ACL', 'DELUSER', 'tester');
  await bus.close();
  process.off('unhandledRejection', note);
});

test('Redis refuses the claim with which an entry of a dead member would begin: it is tried again, and nothing else ends for it', async () => {
  await bus.client.call('ACL', 'SETUSER', 'tester', 'on', '>tested', '~*', '&*', '+@all');
  await bus.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
  for (const status of ['1', '2']) await bus.report('same', status);
  await bus.client.xreadgroup('GROUP', GROUP, 'killed', 'COUNT', 2, 'STREAMS', STREAM, '>');
  const seen: string[] = [];
  await bus.join(
    {
      'alert.reported': async ({ data }) => {
        if (seen.length === 0) await bus.client.call('ACL', 'SETUSER', 'tester', '-xclaim');
        seen.push(data.status);
        return [];
      },
    },
    { maxAttempts: 10 },
    url.replace(/\/\/[^@]*@/, '//tester:tested@'),
  );
  await eventually(async () => expect(String(await bus.client.info('errorstats'))).toMatch(/errorstat_NOPERM:count=[1-9]/));
  await bus.client.call('ACL', 'SETUSER', 'tester', '+xclaim');
  await eventually(() => expect(seen).toEqual(['1', '2']));
  expect(rejections).toEqual([]);
});
