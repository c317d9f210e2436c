import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type LeakCheck, leakCheck, type Recorder, recorder, testRedis } from '../../src/testing/index.js';

describe('eventually', () => {
  it('returns what the assertion returns once it no longer throws', async () => {
    let tries = 0;
    const value = await eventually(
      () => {
        tries += 1;
        expect(tries).toBeGreaterThan(3);
        return tries;
      },
      { every: 1 },
    );
    expect(value).toBe(4);
  });

  it('throws the last error with the time that passed', async () => {
    await expect(eventually(() => expect(1).toBe(2), { within: 30, every: 5 })).rejects.toThrow(
      /expected 1 to be 2[\s\S]*still so after \d+ ms and \d+ tries/,
    );
  });
});

describe('on a real Redis', () => {
  let url: string;
  let redis: Redis;
  beforeEach(async () => {
    ({ url } = await (await testRedis()).fresh());
    redis = new Redis(url);
    await redis.ping();
  });
  afterEach(() => redis.disconnect());

  describe('a recorder', () => {
    let seen: Recorder | undefined;
    afterEach(() => seen?.close());

    it('has what was there before and what comes, decoded', async () => {
      await redis.xadd('ops:a', '*', 'event', JSON.stringify({ type: 'a.happened', subject: 'crm' }));
      seen = await recorder(url, ['ops:a', 'ops:b']);
      const later = seen.waitFor(({ stream }) => stream === 'ops:b');
      await redis.xadd('ops:b', '*', 'type', 'b.happened', 'data', '{}');
      expect((await later).fields).toEqual({ type: 'b.happened', data: '{}' });
      expect((await seen.waitFor(({ event }) => event?.type === 'a.happened')).event?.subject).toBe('crm');
      expect(seen.events.map(({ stream }) => stream)).toEqual(['ops:a', 'ops:b']);
    });

    it('names what it saw when nothing fits', async () => {
      await redis.xadd('ops:a', '*', 'event', JSON.stringify({ type: 'a.happened', subject: 'crm', data: { x: 1 } }));
      seen = await recorder(url, ['ops:a']);
      await seen.waitFor(() => true);
      await expect(seen.waitFor(() => false, { within: 20 })).rejects.toThrow(
        /no fitting entry within 20 ms; seen:\n {2}ops:a \d+-\d+ a\.happened crm \{"x":1\}/,
      );
    });
  });

  describe('a leak check', () => {
    let check: LeakCheck;
    beforeEach(async () => {
      check = await leakCheck({ redisUrl: url });
    });
    afterEach(() => check.close());

    it('finds nothing where all was tidied up, or just is being', async () => {
      const other = new Redis(url);
      await other.ping();
      other.disconnect();
      expect(await check.leaks()).toEqual([]);
    });

    it('finds clients, pending entries and child processes', async () => {
      const client = new Redis(url, { connectionName: 'forgotten' });
      await redis.xgroup('CREATE', 'ops:a', 'group', '0', 'MKSTREAM');
      await redis.xadd('ops:a', '*', 'a', '1');
      await client.xreadgroup('GROUP', 'group', 'me', 'STREAMS', 'ops:a', '>');
      const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
      try {
        expect((await check.leaks({ within: 50 })).toSorted()).toEqual([
          `child process ${child.pid}: cat`,
          'consumer me of group group on ops:a left 1 pending',
          expect.stringMatching(/^redis client forgotten at 127\.0\.0\.1:\d+, last command xreadgroup$/),
        ]);
      } finally {
        client.disconnect();
        child.stdin?.end();
        await once(child, 'exit');
      }
      await redis.xack('ops:a', 'group', (await redis.xrange('ops:a', '-', '+'))[0]?.[0] ?? '');
      expect(await check.leaks()).toEqual([]);
    });
  });
});
