import { afterEach, expect, it } from 'vitest';
import { openClient, type RedisClient } from '../../src/streams/index.js';
import { eventually, faultProxy, ownRedis, type ReplicaPair, replicaPair } from '../../src/testing/index.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function client(url: string): RedisClient {
  const redis = openClient(url, 'test');
  closing.push(() => redis.disconnect());
  return redis;
}

it('a half-open socket is given up within 5 s, and commands go on over a new one', async () => {
  const server = await ownRedis();
  closing.push(() => server.close());
  const proxy = await faultProxy(server);
  closing.push(() => proxy.close());
  const redis = client(server.url.replace(`:${server.port}/`, `:${proxy.port}/`));
  const before = await redis.client('ID');
  let closes = 0;
  redis.on('close', () => {
    closes += 1;
  });
  const begin = performance.now();
  proxy.blackhole();
  const asked = Promise.allSettled([redis.set('a', '1'), redis.incr('n')]);
  await eventually(() => expect(closes).toBeGreaterThan(0), { within: 5500 });
  expect(performance.now() - begin).toBeGreaterThan(3500);
  // Longer than 5 s in all: the next connection, made in the hole, is dead too.
  await eventually(() => expect(performance.now() - begin).toBeGreaterThan(5000), { within: 6000 });
  await proxy.heal();
  await asked;
  await eventually(async () => expect(await redis.set('b', '2')).toBe('OK'), { within: 8000 });
  expect(await redis.client('ID')).not.toBe(before);
  expect(await redis.get('b')).toBe('2');
});

it('a client that is still connected to a demoted master asks the new one', async () => {
  const pair: ReplicaPair = await replicaPair();
  closing.push(() => pair.close());
  const redis = client(pair.front.url);
  await redis.set('before', '1');
  await pair.caughtUp();
  // Demoted, it goes on to take connections, and answers READONLY. `front` leads new connections to the other one.
  const old = client(pair.master.url);
  await pair.promote();
  await old.replicaof('127.0.0.1', String(pair.replica.port));
  pair.front.turn();
  expect(await redis.set('after', '2')).toBe('OK');
  expect(await client(pair.replica.url).mget('before', 'after')).toEqual(['1', '2']);
});
