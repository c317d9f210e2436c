import { afterEach, beforeEach, expect, test } from 'vitest';
import { openClient, type RedisClient } from '../../src/streams/index.js';
import { takeStrays } from '../../src/streams/intake.js';
import { testRedis } from '../../src/testing/index.js';

const [stream, group, consumer] = ['ops:alerts', 'tested', 'living'];
let client: RedisClient;
let ids: string[];

beforeEach(async () => {
  client = openClient((await (await testRedis()).fresh()).url, 'test-intake');
  await client.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
  ids = [];
  for (const text of ['a', 'b', 'c']) ids.push((await client.xadd(stream, '*', 'event', text)) ?? '');
  await client.xreadgroup('GROUP', group, 'dead', 'COUNT', 3, 'STREAMS', stream, '>');
});

afterEach(() => client.disconnect());

/** The client, with something that comes between the look and the claim. */
const interrupted = (by: () => Promise<unknown>): RedisClient =>
  new Proxy(client, {
    get: (target, name) => {
      if (name === 'call') return async (command: string, ...rest: string[]) => by().then(() => target.call(command, ...rest));
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

test('what is acknowledged late, between the look and the claim, is neither taken over nor counted as lost', async () => {
  const racing = interrupted(() => client.xack(stream, group, ids[1] ?? ''));
  const strays = await takeStrays({ client: racing, stream, group, consumer }, () => false, 10);
  expect(strays).toEqual([
    { id: ids[0], deliveries: 1, fields: ['event', 'a'] },
    { id: ids[2], deliveries: 1, fields: ['event', 'c'] },
  ]);
});

test('what went from the stream while it was pending is told, without its body', async () => {
  await client.xdel(stream, ids[1] ?? '');
  const strays = await takeStrays({ client, stream, group, consumer }, () => false, 10);
  expect(strays.map(({ id, fields }) => [id, fields?.[1]])).toEqual([
    [ids[0], 'a'],
    [ids[1], undefined],
    [ids[2], 'c'],
  ]);
});
