import type { EventData, EventType, Status } from '@ops/shared/events';
import {
  eventually,
  faultProxy,
  type OwnRedis,
  ownRedis,
  recorder,
  type TestHost,
  testHost,
  testPostgres,
} from '@ops/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { monitor } from '../../src/index.js';

const YAML = `
inventory: { services: [{ name: crm, port: 1, health: { tcp: { port: 1 } }, paused: true }] }
guard:
  cpu: { enter: 10m }
  ram: { warn: 98, critical: 99, emergency: 99.5 }
  disk: { warn: 99, critical: 100 }
  reports: { ttl: 60s, calm: 0ms }
status: { every: 500ms }
`;

let redis: OwnRedis;
let host: TestHost;

beforeEach(async () => {
  redis = await ownRedis();
  host = await testHost([monitor], {
    yaml: YAML,
    servers: { redisUrl: redis.url, databaseUrl: await (await testPostgres()).fresh() },
  });
});

afterEach(async () => {
  await host.close();
  await redis.close();
});

const post = (path: string, body: unknown) =>
  fetch(`${host.hosted.address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${host.token}` },
    body: JSON.stringify(body),
  });
const status = async () => (await (await fetch(`${host.hosted.address}/status`)).json()) as Status;

async function all<T extends EventType>(type: T, streams: string[]): Promise<EventData<T>[]> {
  const seen = await recorder(host.redisUrl, streams);
  await seen.waitFor(({ event }) => event?.type === type);
  await seen.close();
  return seen.events.flatMap(({ event }) => (event?.type === type ? [event.data as EventData<T>] : []));
}

describe('Redis goes away', () => {
  test('it hangs with its sockets open: the guard goes on looking and deciding, and says afterwards what it decided', async () => {
    await eventually(async () => expect((await status()).level).toBe('normal'));
    await redis.pause();
    const before = (await status()).sampled_at;
    expect((await post('/guard/reports', { level: 'emergency' })).status).toBe(202);
    await eventually(async () => expect((await status()).level).toBe('emergency'));
    // Past the time after which the state is saved: that must not hold it up.
    await eventually(
      async () => expect(Date.parse((await status()).sampled_at ?? '')).toBeGreaterThan(Date.parse(before ?? '') + 7000),
      {
        within: 15_000,
      },
    );
    await redis.resume();
    await eventually(
      async () => expect((await all('guard.level-changed', ['ops:guard'])).map(({ level }) => level)).toContain('emergency'),
      {
        within: 20_000,
      },
    );
  });

  test('the monitor is killed before it could say a change: the next run says it', async () => {
    await eventually(async () => expect((await status()).level).toBe('normal'));
    // Saved, and never said: what a crash between the two leaves behind.
    const key = 'ops:guard:state:test-host';
    const saved = await eventually(async () => JSON.parse((await host.redis.get(key)) ?? '') as Record<string, unknown>);
    const [normal] = await all('guard.level-changed', ['ops:guard']);
    const generation = Number(saved.generation) + 1;
    const data = { ...normal, level: 'warn', from: 'normal', generation };
    const { redisUrl, databaseUrl } = host;
    await host.hosted.stop();
    const unsaid = { type: 'guard.level-changed', subject: 'test-host', purpose: `test-host/${generation}`, data };
    await host.redis.set(key, JSON.stringify({ ...saved, generation, unsaid }));
    host.redis.disconnect();
    host = await testHost([monitor], { yaml: YAML, servers: { redisUrl, databaseUrl } });
    await eventually(async () =>
      expect((await all('guard.level-changed', ['ops:guard'])).map((said) => said.generation)).toContain(generation),
    );
  });
});

test('PostgreSQL goes away: an alert that begins and ends meanwhile is told when it is back, with its own times', async () => {
  const database = new URL(host.databaseUrl);
  const proxy = await faultProxy({ port: Number(database.port) });
  database.port = String(proxy.port);
  await host.close();
  host = await testHost([monitor], { yaml: YAML, servers: { redisUrl: redis.url, databaseUrl: database.href } });
  await eventually(async () => expect((await status()).level).toBe('normal'));
  await proxy.refuse();
  proxy.reset();
  await post('/guard/reports', { level: 'critical' });
  await eventually(async () => expect((await status()).level).toBe('critical'));
  await post('/guard/reports', { level: 'normal' });
  await eventually(async () => expect((await status()).level).toBe('normal'), { within: 15_000 });
  const over = Date.now();
  await proxy.heal();
  // Who has failed for long asks again after 10 s.
  const cleared = await eventually(() => all('alert.cleared', ['ops:alerts']), { within: 25_000 });
  const raised = await all('alert.raised', ['ops:alerts']);
  expect([raised, cleared]).toMatchObject([[{ status: 'critical' }], [{ status: 'normal' }]]);
  expect(Date.parse(cleared[0]?.timestamp ?? '')).toBeLessThanOrEqual(over);
  await host.close();
  await proxy.close();
  host = await testHost([monitor], {
    yaml: YAML,
    servers: { redisUrl: redis.url, databaseUrl: await (await testPostgres()).fresh() },
  });
});

describe('what cannot be said', () => {
  test('a report that is too large for the bus is refused, and the changes of level behind it are said', async () => {
    expect((await post('/guard/reports', { level: 'warn', padding: 'x'.repeat(200_000) })).status).toBe(413);
    expect((await post('/guard/reports', { level: 'critical' })).status).toBe(202);
    await eventually(async () =>
      expect((await all('guard.level-changed', ['ops:guard'])).map(({ level }) => level)).toContain('critical'),
    );
  });

  test('an alert with the longest texts is said, and so is the one after it', async () => {
    const alert = (service: string, text: string) => ({
      service,
      status: 'CRITICAL',
      metric: 'm',
      threshold: text,
      current_value: text,
      timestamp: new Date().toISOString(),
    });
    await post('/alerts', alert('long', 'x'.repeat(1000)));
    await post('/alerts', alert('short', 'x'));
    await eventually(async () =>
      expect((await all('alert.raised', ['ops:alerts'])).map(({ service }) => service).sort()).toEqual(['long', 'short']),
    );
  });
});

describe('alerts from outside', () => {
  test('alerts that are reported while others are being said are said by the next round', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `disk-${index}`);
    const report = { status: 'CRITICAL', metric: 'm', threshold: 1, current_value: 2, timestamp: new Date().toISOString() };
    for (const service of names) await post('/alerts', { ...report, service });
    await eventually(async () => expect(await all('alert.raised', ['ops:alerts'])).toHaveLength(names.length));
  });

  test('an ok that is older than the alert does not clear it; a flap within one second is raised again', async () => {
    const at = (offset: number) => new Date(Math.floor(Date.now() / 1000) * 1000 + offset).toISOString();
    const alert = (state: string, timestamp: string) => ({
      service: 'disk',
      status: state,
      metric: 'm',
      threshold: 1,
      current_value: 2,
      timestamp,
    });
    const stamp = at(0);
    await post('/alerts', alert('CRITICAL', stamp));
    await eventually(async () => expect(await all('alert.raised', ['ops:alerts'])).toHaveLength(1));
    await post('/alerts', alert('OK', at(-60_000)));
    await post('/alerts', alert('OK', stamp));
    await eventually(async () => expect(await all('alert.cleared', ['ops:alerts'])).toHaveLength(1));
    await post('/alerts', alert('CRITICAL', stamp));
    await eventually(async () => expect(await all('alert.raised', ['ops:alerts'])).toHaveLength(2));
  });
});

test('a service that is taken out of the inventory takes its alert with it', async () => {
  const { redisUrl, databaseUrl } = host;
  const watching = YAML.replace(', paused: true', ', interval: 200ms');
  const restart = async (yaml: string) => {
    host.redis.disconnect();
    await host.hosted.stop();
    host = await testHost([monitor], { yaml, servers: { redisUrl, databaseUrl } });
  };
  await restart(watching);
  await eventually(async () =>
    expect((await all('alert.raised', ['ops:alerts'])).map(({ service }) => service)).toEqual(['crm']),
  );
  await restart(YAML);
  await eventually(async () =>
    expect(await all('alert.cleared', ['ops:alerts'])).toMatchObject([{ service: 'crm', status: 'no longer watched' }]),
  );
});
