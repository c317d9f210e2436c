import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { choosePort } from '../../src/embedded/ports.js';
import { eventually, type OwnRedis, ownRedis, testPostgres, testRedis } from '../../src/testing/index.js';
import { launchTestPostgres } from '../../src/testing/test-postgres.js';
import { launchTestRedis } from '../../src/testing/test-redis.js';

describe('the Redis of a test worker', () => {
  it('is one, and empty with its first configuration each time', async () => {
    const first = await (await testRedis()).fresh();
    const redis = new Redis(first.url);
    try {
      await redis.xadd('some:stream', '*', 'a', '1');
      await redis.config('SET', 'maxmemory', '5mb');
      const second = await (await testRedis()).fresh();
      expect(second).toEqual(first);
      expect(await redis.dbsize()).toBe(0);
      expect(await redis.config('GET', 'maxmemory')).toEqual(['maxmemory', '0']);
    } finally {
      redis.disconnect();
    }
  });
});

describe('the PostgreSQL of a test worker', () => {
  it('gives each call a database of its own', async () => {
    const postgres = await testPostgres();
    const [one, two] = await Promise.all([postgres.fresh(), postgres.fresh()]);
    expect(one).not.toBe(two);
    const tables = async (url: string, sql: string) => {
      const client = new pg.Client(url);
      await client.connect();
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.end();
      }
    };
    await tables(one, 'CREATE TABLE mine ()');
    expect(await tables(two, "SELECT to_regclass('mine') AS mine")).toEqual([{ mine: null }]);
    expect(await tables(one, "SELECT to_regclass('mine')::text AS mine")).toEqual([{ mine: 'mine' }]);
  });
});

describe('the Redis of one test', () => {
  let own: OwnRedis | undefined;
  afterEach(() => own?.close());

  it('may be stopped, killed, frozen and started again on the same URL', async () => {
    own = await ownRedis();
    const redis = new Redis(own.url, { retryStrategy: () => 20, maxRetriesPerRequest: null, commandTimeout: 500 });
    redis.on('error', () => undefined);
    try {
      await redis.set('kept', 'yes');
      await own.stop();
      await expect(redis.get('kept')).rejects.toThrow();
      await own.start();
      await eventually(async () => expect(await redis.get('kept')).toBe('yes'));
      own.pause();
      await expect(redis.get('kept')).rejects.toThrow('Command timed out');
      own.resume();
      await eventually(async () => expect(await redis.get('kept')).toBe('yes'));
      await own.kill();
      await own.start();
      await eventually(async () => expect(await redis.ping()).toBe('PONG'));
    } finally {
      redis.disconnect();
    }
  });
});

describe.each([
  ['Redis', launchTestRedis],
  ['PostgreSQL', launchTestPostgres],
])('a %s of a test', (_, launch) => {
  it('starts on another port, in another folder, where somebody took the port after it was chosen', async () => {
    const somebody = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => somebody.once('listening', resolve));
    const { port: taken } = somebody.address() as { port: number };
    let attempts = 0;
    const choose = async () => {
      attempts += 1;
      return attempts < 3 ? taken : choosePort(0);
    };
    try {
      const server = await launch('a-password', choose);
      expect(attempts).toBe(3);
      expect(server.port).not.toBe(taken);
      expect(server.alive()).toBe(true);
      await server.stop();
    } finally {
      somebody.close();
    }
  });
});
