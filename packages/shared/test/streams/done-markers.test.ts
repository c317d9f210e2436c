import { afterEach, beforeEach, expect, test } from 'vitest';
import { keys } from '../../src/events/index.js';
import { DoneMarkers } from '../../src/streams/done-markers.js';
import { openClient, type RedisClient } from '../../src/streams/index.js';
import { hashed } from '../../src/streams/known-done.js';
import { testRedis } from '../../src/testing/index.js';
import { GROUP, STREAM } from './bus.js';

let client: RedisClient;

beforeEach(async () => {
  client = openClient((await (await testRedis()).fresh()).url, 'test-done');
  await client.connect();
});
afterEach(() => client.disconnect());

const scans = async () => Number(/cmdstat_zscan:calls=(\d+)/.exec(String(await client.info('commandstats')))?.[1] ?? 0);

test('what is done is known, also past what the filter was made for, and Redis is read through once', async () => {
  await client.zadd(keys.done(STREAM, GROUP), ...Array.from({ length: 500 }, (_, at) => [at, `before/${at}`]).flat());
  const done = new DoneMarkers(client, STREAM, GROUP);
  // Before it is filled, nobody can tell.
  expect(done.seen(hashed('new/0'))).toBe(true);
  await Promise.all([done.fill(), done.fill(), done.fill()]);
  const once = await scans();
  for (let at = 0; at < 500; at += 1) expect(done.seen(hashed(`before/${at}`))).toBe(true);
  const many = 250_000;
  let asked = 0;
  for (let at = 0; at < many; at += 1) if (done.seen(hashed(`source/${at}`))) asked += 1;
  // One in two thousand and fewer is asked for in vain; each is known from then on.
  expect(asked).toBeLessThan(many / 500);
  for (let at = 0; at < many; at += 997) expect(done.seen(hashed(`source/${at}`))).toBe(true);
  expect(await scans()).toBe(once);
});
