import { eventually, type FaultProxy, faultProxy, type OwnRedis, ownRedis, recorder, testPostgres } from '@ops/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type GuardedHost, growUntilEnded, guardedHost } from './guarded-host.js';
import { endHogs } from './hog.js';

const HOG = `hog-${process.pid}`.slice(0, 15);
let redis: OwnRedis;
let database: FaultProxy;
let host: GuardedHost;

describe.runIf(process.platform === 'linux')('Redis and PostgreSQL are both away', () => {
  beforeEach(async () => {
    redis = await ownRedis();
    const url = new URL(await (await testPostgres()).fresh());
    database = await faultProxy({ port: Number(url.port) });
    url.port = String(database.port);
    host = await guardedHost(
      { redisUrl: redis.url, databaseUrl: url.href },
      { runaway: `eligible: { names: [${HOG}] }, ram: { min_share: 0.3, grace: 500ms }` },
    );
  });
  afterEach(async () => {
    await endHogs();
    await host.close();
    await database.close();
    await redis.close();
  });

  test('a memory hog is ended all the same, and the whole story is told when they are back: nothing missing, nothing twice', {
    timeout: 120_000,
  }, async () => {
    await eventually(async () => expect(await host.level()).toBe('normal'), { within: 30_000 });
    await redis.stop();
    await database.refuse();
    database.reset();
    const hog = await growUntilEnded(HOG);
    expect(hog.child.signalCode).toBe('SIGTERM');
    // They stay away until the host is calm again: the whole story lies between.
    await eventually(async () => expect(await host.level()).toBe('normal'), { within: 30_000 });
    await redis.start();
    await database.heal();

    await eventually(() => expect(host.said('guard.runaway-handled')).toHaveLength(1), { within: 30_000 });
    expect(host.said('guard.runaway-handled')).toMatchObject([
      { mode: 'on', result: 'terminated', by: 'signals', victim: { pid: hog.pid, name: HOG } },
    ]);
    await eventually(() => expect(host.said('guard.level-changed').at(-1)?.level).toBe('normal'), { within: 30_000 });
    const changes = host.said('guard.level-changed');
    expect(changes.map(({ level }) => level)).toContain('emergency');
    // A chain without a gap: each begins where the one before it ended, and none is there twice.
    for (const [index, { from, generation }] of changes.entries()) {
      const before = changes[index - 1];
      if (before === undefined) continue;
      expect(from).toBe(before.level);
      expect(generation).toBeGreaterThan(before.generation);
    }
    const alerts = await recorder(redis.url, ['ops:alerts']);
    // What began and ended while they were away is no alert any more; what is on the bus is there once.
    const ids = alerts.events.map(({ event }) => event?.id);
    expect(new Set(ids).size).toBe(ids.length);
    await alerts.close();
  });
});
