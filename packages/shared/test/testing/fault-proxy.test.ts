import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type FaultProxy, type FreshRedis, faultProxy, testRedis } from '../../src/testing/index.js';

describe('a fault proxy before a Redis', () => {
  let target: FreshRedis;
  let proxy: FaultProxy;
  let direct: Redis;
  const clients: Redis[] = [];

  const client = (options: { commandTimeout?: number; autoResendUnfulfilledCommands?: boolean } = {}): Redis => {
    const redis = new Redis({
      host: proxy.host,
      port: proxy.port,
      password: target.password,
      retryStrategy: (): number => 20,
      maxRetriesPerRequest: null,
      ...options,
    });
    redis.on('error', () => undefined);
    clients.push(redis);
    return redis;
  };

  beforeEach(async () => {
    target = await (await testRedis()).fresh();
    proxy = await faultProxy(target);
    direct = new Redis(target.url);
  });
  afterEach(async () => {
    for (const redis of clients.splice(0)) redis.disconnect();
    direct.disconnect();
    await proxy.close();
  });

  it('lets everything through when there is no fault', async () => {
    const redis = client();
    const big = 'x'.repeat(1_000_000);
    await redis.set('big', big);
    expect(await redis.get('big')).toBe(big);
    expect(proxy.connections()).toBe(1);
    await redis.quit();
    await eventually(() => expect(proxy.connections()).toBe(0));
  });

  it('is a black hole until it heals: nothing arrives, nothing closes, and then all of it goes on', async () => {
    const redis = client();
    await redis.ping();
    proxy.blackhole();
    let answered = false;
    const late = redis.set('late', 'yes').then(() => {
      answered = true;
    });
    const other = client({ commandTimeout: 200 });
    await expect(other.ping()).rejects.toThrow('Command timed out');
    expect(await direct.get('late')).toBeNull();
    expect(answered).toBe(false);
    expect(redis.status).toBe('ready');
    await proxy.heal();
    await late;
    expect(await direct.get('late')).toBe('yes');
  });

  it('delays both directions, in order', async () => {
    const redis = client();
    await redis.ping();
    const timed = async () => {
      const begin = performance.now();
      await redis.ping();
      return performance.now() - begin;
    };
    proxy.latency(60);
    expect(await timed()).toBeGreaterThan(110);
    const answers = Array.from({ length: 20 }, (_, i) => redis.rpush('order', String(i)));
    proxy.latency(1);
    await Promise.all([...answers, redis.rpush('order', 'last')]);
    expect(await direct.lrange('order', 0, -1)).toEqual([...Array.from({ length: 20 }, (_, i) => String(i)), 'last']);
  });

  it('resets connections', async () => {
    const redis = client();
    await redis.ping();
    const errors: string[] = [];
    redis.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? ''));
    proxy.reset();
    await eventually(() => expect(errors).toContain('ECONNRESET'));
    expect(await redis.ping()).toBe('PONG');
  });

  it('loses the next reply: the command was done, and the client cannot know', async () => {
    const redis = client({ autoResendUnfulfilledCommands: false });
    await redis.ping();
    const cut = proxy.cutNextReply();
    const lost = redis.xadd('stream', '*', 'a', '1').catch((error: Error) => error.message);
    await cut;
    expect(await direct.xlen('stream')).toBe(1);
    expect(await Promise.race([lost, redis.ping()])).not.toMatch(/^\d+-\d+$/);
    expect(await direct.xlen('stream')).toBe(1);
  });

  it('swallows all replies while commands go on, and resets what has a hole when it heals', async () => {
    // What was sent over the old connection may never be settled: that is what the fault is about.
    const redis = client({ autoResendUnfulfilledCommands: false, commandTimeout: 300 });
    await redis.ping();
    proxy.cutReplies();
    void redis.set('done', 'yes').catch(() => undefined);
    await eventually(async () => expect(await direct.get('done')).toBe('yes'));
    expect(redis.status).toBe('ready');
    await proxy.heal();
    await eventually(async () => expect(await redis.get('done')).toBe('yes'));
  });

  it('refuses new connections and keeps the ones there are', async () => {
    const old = client();
    await old.ping();
    await proxy.refuse();
    const codes: string[] = [];
    const young = client();
    young.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code ?? ''));
    await eventually(() => expect(codes).toContain('ECONNREFUSED'));
    expect(await old.ping()).toBe('PONG');
    await proxy.heal();
    expect(await young.ping()).toBe('PONG');
  });
});
