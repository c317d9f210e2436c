import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, systemClock } from '@ops/shared/runtime';
import { eventually, type OwnRedis, ownRedis } from '@ops/shared/testing';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GuardMemory } from '../../src/state/guard-memory.js';

let home: string;
let own: OwnRedis;
let redis: Redis;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'ops-guard-'));
  own = await ownRedis();
  redis = new Redis(own.url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  await redis.ping();
});
afterEach(async () => {
  redis.disconnect();
  await own.close();
  rmSync(home, { recursive: true, force: true });
});

const memory = () => new GuardMemory({ host: 'a/b', home, redis, key: 'state', clock: systemClock, log: createLogger('silent') });
const kept = (generation: number, level = 'critical') => ({
  level,
  since: new Date(0).toISOString(),
  generation,
  savedAt: 0,
  state: { level },
});

test('what is kept is found again, on disk where Redis is away, in Redis where the disk is new', async () => {
  const first = memory();
  first.keep(kept(1));
  first.keep(kept(2));
  first.keep(kept(3));
  await first.settled();
  expect(await memory().load(1000)).toMatchObject({ generation: 3, state: { level: 'critical' } });
  // No draft is left, and nobody else may read it.
  expect(readdirSync(join(home, 'guard'))).toEqual(['a%2Fb.json']);
  rmSync(join(home, 'guard'), { recursive: true });
  expect(await memory().load(5000)).toMatchObject({ generation: 3 });
  first.keep(kept(3));
  await first.settled();
  await own.stop();
  await eventually(() => expect(redis.status).not.toBe('ready'));
  expect(await memory().load(200)).toMatchObject({ generation: 3 });
});

test('what is kept while Redis is away is there when it is back', async () => {
  const first = memory();
  await own.stop();
  await eventually(() => expect(redis.status).not.toBe('ready'));
  first.keep(kept(4));
  await first.settled();
  await own.start();
  await eventually(async () => expect(await redis.get('state')).toContain('"generation":4'));
});

test('of two the newer counts; a file that was cut off is none', async () => {
  const first = memory();
  first.keep(kept(5));
  await first.settled();
  await redis.set('state', JSON.stringify({ ...kept(7, 'warn'), saved_at: 1 }));
  expect(await memory().load(1000)).toMatchObject({ generation: 7, state: { level: 'warn' } });
  const file = join(home, 'guard', 'a%2Fb.json');
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, 40));
  expect(await memory().load(1000)).toMatchObject({ generation: 7 });
  await redis.set('state', 'nonsense');
  expect(await memory().load(1000)).toBeUndefined();
});

test('a Redis that hangs holds up neither the loading nor what is written to disk', async () => {
  const first = memory();
  first.keep(kept(1));
  await first.settled();
  await own.pause();
  const second = memory();
  second.keep(kept(2));
  second.keep(kept(3));
  await eventually(() => expect(readFileSync(join(home, 'guard', 'a%2Fb.json'), 'utf8')).toContain('"generation":3'));
  expect(await memory().load(200)).toMatchObject({ generation: 3 });
  await own.resume();
  await second.settled();
});
