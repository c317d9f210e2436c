import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { RedisSafety } from '../../src/runtime/redis-safety.js';
import {
  eventually,
  type OwnRedisOptions,
  ownCluster,
  ownRedis,
  replicaPair,
  testHost,
  testPostgres,
  withClient,
} from '../../src/testing/index.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const HOST = 'inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }';
const listening = { name: 'listening', migrations: {}, wire: async () => ({ on: { 'alert.reported': () => [] } }) };

async function server(options: OwnRedisOptions) {
  const redis = await ownRedis(options);
  closing.push(() => redis.close());
  return redis;
}

async function host(redisUrl: string, yaml = HOST) {
  const databaseUrl = await (await testPostgres()).fresh();
  const started = await testHost([listening], { yaml, servers: { redisUrl, databaseUrl } });
  closing.push(() => started.close());
  return started;
}

function safety(url: string) {
  const lines: string[] = [];
  const said: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
  const looking = new RedisSafety({ url, policy: 'refuse', log, announce: (line) => said.push(line) });
  closing.push(() => looking.close());
  return { looking, lines, said };
}

describe('the start', () => {
  it.each([
    ['a Redis without append-only file', { durable: false }, /appendonly is "no".*CONFIG SET appendonly yes.*unsafe_redis: warn/],
    [
      'an evicting Redis',
      { lines: ['maxmemory-policy allkeys-lru'] },
      /maxmemory-policy is "allkeys-lru": expected "noeviction"/,
    ],
  ])('%s is refused', async (_what, options, expected) => {
    await expect(host((await server(options)).url)).rejects.toThrow(expected);
  });

  it('a Redis without append-only file is warned about, loudly, where ops.yaml allows it', async () => {
    const { announced, log } = await host((await server({ durable: false })).url, `${HOST}\nbus: { unsafe_redis: warn }`);
    expect(announced.filter((line) => /^warning: Redis at .*appendonly is "no"/.test(line))).toHaveLength(1);
    expect(log.filter((line) => line.includes('"level":"warn"') && line.includes('may lose events'))).toHaveLength(1);
  });

  it('does not wait for a Redis that is away; once it answers it is looked at before anything is read', async () => {
    const redis = await server({ durable: false });
    await redis.stop();
    const { looking, lines } = safety(redis.url);
    await looking.begin();
    expect(looking.reasons()).toEqual([]);
    await expect(looking.confirm()).rejects.toThrow();
    await redis.start();
    await eventually(() => expect(looking.reasons()).toEqual([expect.stringContaining('appendonly is "no"')]));
    await expect(looking.confirm()).rejects.toThrow('appendonly');
    expect(lines.filter((line) => line.includes('nothing is read'))).toHaveLength(1);
  });
});

describe('later', () => {
  it('a server that was made unsafe is found at the next connection: not ready with the reason; mended, ready again', async () => {
    const redis = await server({});
    const { hosted, log } = await host(redis.url);
    await withClient(redis.url, async (admin) => {
      await admin.config('SET', 'maxmemory-policy', 'allkeys-lfu');
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    });
    await eventually(() => expect(hosted.missing().listening?.join()).toMatch(/maxmemory-policy is "allkeys-lfu"/));
    expect(log.filter((line) => line.includes('"level":"error"') && line.includes('allkeys-lfu'))).toHaveLength(1);
    await withClient(redis.url, (admin) => admin.config('SET', 'maxmemory-policy', 'noeviction'));
    await eventually(() => expect(hosted.missing()).toEqual({ listening: [] }));
    expect(log.filter((line) => line.includes('safe for events again'))).toHaveLength(1);
  });

  it('a failover to a server without an append-only file is found', async () => {
    const pair = await replicaPair();
    closing.push(() => pair.close());
    await withClient(pair.replica.url, (admin) => admin.config('SET', 'appendonly', 'no'));
    const { looking } = safety(pair.front.url);
    await looking.begin();
    await looking.confirm();
    await pair.failOver();
    await eventually(() => expect(looking.reasons()).toEqual([expect.stringContaining('appendonly is "no"')]));
    await expect(looking.confirm()).rejects.toThrow('appendonly');
  });

  it('in a Cluster every master is looked at', async () => {
    const cluster = await ownCluster();
    closing.push(() => cluster.close());
    const bad = cluster.nodes[2];
    await safety(cluster.url).looking.begin();
    await withClient(bad?.url ?? '', (admin) => admin.config('SET', 'appendonly', 'no'));
    await expect(safety(cluster.url).looking.begin()).rejects.toThrow(`Redis at 127.0.0.1:${bad?.port}: appendonly is "no"`);
  });
});
