import type { EventData } from '@ops/shared/events';
import { ownRedis, recorder, type TestHost, testHost, testPostgres } from '@ops/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { monitor } from '../../src/index.js';

// Nothing of bus: is set here: the times are those that an operator gets.
const YAML = `
inventory: { services: [{ name: crm, port: 1, health: { tcp: { port: 1 } }, paused: true }] }
guard: { cpu: { enter: 10m }, ram: { warn: 98, critical: 99, emergency: 99.5 }, disk: { warn: 99, critical: 100 } }
`;

// Servers and a monitor of its own for each test, before any of them begins: they wait beside each other.
const NAMES = ['dead', 'stuck', 'held', 'unread'] as const;
const hosts = {} as Record<(typeof NAMES)[number], TestHost>;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  for (const name of NAMES) {
    const redis = await ownRedis();
    closing.unshift(() => redis.close());
    const servers = { redisUrl: redis.url, databaseUrl: await (await testPostgres()).fresh() };
    const host = await testHost([monitor], { yaml: YAML, servers });
    closing.unshift(() => host.close());
    hosts[name] = host;
  }
});

afterAll(async () => {
  for (const close of closing) await close();
});

async function raised(host: TestHost, metric: string): Promise<EventData<'alert.raised'>> {
  const seen = await recorder(host.redisUrl, ['ops:alerts']);
  try {
    const entry = await seen.waitFor(
      ({ event }) => event?.type === 'alert.raised' && (event.data as { metric?: unknown }).metric === metric,
      { within: 30_000 },
    );
    return entry.event?.data as EventData<'alert.raised'>;
  } finally {
    await seen.close();
  }
}

describe.concurrent('a stuck or dead group raises an alert within 30 s', () => {
  test('a dead one: nobody reads for it', async () => {
    const host = hosts.dead;
    await host.redis.xgroup('CREATE', 'ops:incidents', 'nucleus', '0', 'MKSTREAM');
    await host.redis.xadd('ops:incidents', '*', 'event', '{}');
    const alert = await raised(host, 'bus-progress');
    expect(alert).toMatchObject({ service: 'nucleus', status: 'stuck', severity: 'critical' });
    expect(alert.summary).toContain('1 entries before it, 0 in hand');
    expect(alert.summary).toContain('nobody of ours reads for it');
  });

  test('a stuck one: its member has an entry in hand and never finishes', async () => {
    const host = hosts.stuck;
    await host.redis.xgroup('CREATE', 'ops:directives', 'kimi-swarm', '0', 'MKSTREAM');
    await host.redis.xadd('ops:directives', '*', 'event', '{}');
    await host.redis.xreadgroup('GROUP', 'kimi-swarm', 'worker', 'COUNT', 1, 'STREAMS', 'ops:directives', '>');
    const alert = await raised(host, 'bus-progress');
    expect(alert).toMatchObject({ service: 'kimi-swarm', status: 'stuck' });
    expect(alert.summary).toContain('0 entries before it, 1 in hand');
  });

  test('one entry that never ends, in a stream that goes on', async () => {
    const host = hosts.held;
    await host.redis.xgroup('CREATE', 'ops:directives', 'kimi-swarm', '0', 'MKSTREAM');
    const held = String(await host.redis.xadd('ops:directives', '*', 'event', '{}'));
    const read = async () =>
      (await host.redis.xreadgroup('GROUP', 'kimi-swarm', 'worker', 'COUNT', 10, 'STREAMS', 'ops:directives', '>')) as
        | [string, [string, string[]][]][]
        | null;
    await read();
    const one = async () => {
      await host.redis.xadd('ops:directives', '*', 'event', '{}');
      const ids = ((await read())?.[0]?.[1] ?? []).map(([id]) => id);
      if (ids.length > 0) await host.redis.xack('ops:directives', 'kimi-swarm', ...ids);
    };
    let last = Promise.resolve();
    const goesOn = setInterval(() => {
      last = last.then(one);
    }, 500);
    try {
      const alert = await raised(host, 'bus-progress');
      expect(alert).toMatchObject({ service: 'kimi-swarm', status: 'held', severity: 'critical' });
      expect(alert.summary).toContain(`but not with ${held}`);
    } finally {
      clearInterval(goesOn);
      await last;
    }
  });

  test('entries that somebody trimmed before a group had read them are told as lost', async () => {
    const host = hosts.unread;
    await host.redis.hset('ops:unread:{ops:guard}', 'scaler', 12, 'scaler:at', Date.now());
    await host.redis.xgroup('CREATE', 'ops:guard', 'scaler', '0', 'MKSTREAM');
    expect(await raised(host, 'bus-unread')).toMatchObject({ service: 'scaler', current_value: 12, status: 'lost' });
  });
});
