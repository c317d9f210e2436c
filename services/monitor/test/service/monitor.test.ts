import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EventData, type EventType, keys, type Status } from '@ops/shared/events';
import { eventually, type Recorder, recorder, type TestHost, testHost } from '@ops/shared/testing';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { monitor } from '../../src/index.js';

let host: TestHost;
let seen: Recorder;
let crm: Server;
let answer = 200;
const folder = mkdtempSync(join(tmpdir(), 'ops-monitor-'));
const stateFile = join(folder, 'guard_state.json');

// The host that runs the tests may be busy: only reports move the level here.
const yaml = (port: number) => `
inventory:
  services:
    - { name: crm, port: ${port}, health: { http: "http://127.0.0.1:${port}/api/health" }, interval: 200ms, down_after: { failures: 2, of: 3 }, up_after: 1 }
guard:
  cpu: { warn: 99, critical: 99.5, emergency: 100, enter: 10m }
  ram: { warn: 98, critical: 99, emergency: 99.5, enter: 10m }
  disk: { warn: 99, critical: 100 }
  reports: { ttl: 3s, calm: 0ms, state_file: ${stateFile} }
alerts: { remind_every: 1s }
status: { every: 500ms }
`;

beforeEach(async () => {
  answer = 200;
  crm = createServer((_request, response) => {
    response.writeHead(answer, { 'content-type': 'application/json' });
    response.end('{"status":"ok"}');
  });
  await new Promise<void>((resolve) => crm.listen(0, '127.0.0.1', resolve));
  host = await testHost([monitor], { yaml: yaml((crm.address() as AddressInfo).port) });
  seen = await recorder(host.redisUrl, ['ops:guard', 'ops:alerts', 'ops:status']);
});

afterEach(async () => {
  await seen.close();
  await host.close();
  crm.closeAllConnections();
  crm.close();
});

const all = <T extends EventType>(type: T) =>
  seen.events.flatMap(({ event }) => (event?.type === type ? [event.data as EventData<T>] : []));
const levels = () => all('guard.level-changed').map(({ level, source }) => `${level} ${source}`);

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function call(method: string, path: string, body?: unknown, token = host.token): Promise<Answer> {
  const response = await fetch(`${host.hosted.address}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('reports of resource_guard.py', () => {
  test('a flat stream entry raises the level; when it is too old it no longer counts', async () => {
    await host.redis.xadd(
      'ops:guard',
      '*',
      'type',
      'guard.reported',
      'data',
      JSON.stringify({ level: 'CRITICAL', cpu_percent: 91, max_concurrent: 50 }),
    );
    await eventually(() => expect(levels()).toContain('critical report'));
    const change = all('guard.level-changed').find(({ level }) => level === 'critical');
    // How it came to be: the rule, and made again from what was recorded.
    const decided = (await (await fetch(`${host.hosted.address}/guard/decisions?last=1`)).json()) as unknown[];
    expect(decided).toMatchObject([{ to: 'critical', rule: { name: 'reported' }, replay: { same: true, level: 'critical' } }]);
    expect((await call('GET', '/guard/decisions?last=many')).body).toMatchObject({
      message: expect.stringContaining('last is "many": expected 1 to 200'),
    });
    expect(change?.response).toMatchObject({ max_agents: 50, models: 'ollama-only', deployments: 'deferred' });
    await eventually(() => expect(levels().at(-1)).toMatch(/^normal/));
    const generations = all('guard.level-changed').map(({ generation }) => generation);
    expect(generations).toEqual([...generations].sort((a, b) => a - b));
  });

  test('POST /guard/reports counts at once, and is on the bus', async () => {
    expect(await call('POST', '/guard/reports', { level: 'emergency', ram_percent: 95 })).toMatchObject({
      status: 202,
      body: { counts: true },
    });
    await eventually(() => expect(levels()).toContain('emergency report'));
    await eventually(() => expect(all('guard.reported')).toMatchObject([{ level: 'emergency' }]));
  });

  test('guard_state.json is followed through its renames; an old one and a broken one count for nothing', async () => {
    const write = (content: string) => {
      writeFileSync(`${stateFile}.tmp`, content);
      renameSync(`${stateFile}.tmp`, stateFile);
    };
    write(JSON.stringify({ level: 'emergency', crash_count: 0, timestamp: '2026-02-11T10:00:00', last_sample: {} }));
    await eventually(() => expect(host.log.some((line) => line.includes('a report that does not count'))).toBe(true));
    write('{ "level": ');
    await eventually(() => expect(host.log.some((line) => line.includes('the guard state file is of no use'))).toBe(true));
    expect(levels().some((level) => level.startsWith('emergency'))).toBe(false);
    write(JSON.stringify({ level: 'warn', last_sample: { cpu_percent: 72, timestamp: Date.now() / 1000 } }));
    await eventually(() => expect(levels()).toContain('warn report'));
  });
});

describe('status', () => {
  test('is published, kept in Redis and served: the level, the readings of the real host, the services', async () => {
    await eventually(async () => {
      const status = (await call('GET', '/status')).body as unknown as Status;
      expect(status).toMatchObject({
        host: 'test-host',
        level: 'normal',
        services: [{ service: 'crm', status: 'up' }],
        uptime_metrics: { services_up: 1, services_total: 1 },
      });
      expect(status.resource_utilisation.ram_percent).toBeGreaterThan(0);
    });
    await eventually(() => expect(all('status.published').at(-1)?.services[0]?.status).toBe('up'));
    expect(JSON.parse((await host.redis.get(keys.statusCurrent)) ?? '{}')).toMatchObject({ host: 'test-host' });
    await eventually(() => expect(all('guard.sampled').length).toBeGreaterThan(0));
  });
});

test('metrics: the level, the readings, the services, the lag of every group', async () => {
  await eventually(async () => {
    const text = await (await fetch(`${host.hosted.address}/metrics`)).text();
    expect(text).toMatch(/^ops_guard_level 0$/m);
    expect(text).toMatch(/^ops_host_ram_percent [\d.]+$/m);
    expect(text).toMatch(/^ops_service_state\{service="crm",state="up"\} 1$/m);
    expect(text).toMatch(/^ops_stream_lag_entries\{stream="ops:guard",group="monitor",kind="pending"\} 0$/m);
    expect(text).toMatch(/^ops_stream_entries_total/m);
  });
});

describe('alerts', () => {
  test('a service that fails raises one alert, is acknowledged, and clears by itself', async () => {
    await eventually(async () =>
      expect(((await call('GET', '/status')).body as unknown as Status).services[0]?.status).toBe('up'),
    );
    answer = 500;
    await eventually(() =>
      expect(all('alert.raised')).toMatchObject([{ service: 'crm', metric: 'health', severity: 'critical', status: 'down' }]),
    );
    const [raised] = all('alert.raised');
    expect(Object.keys(raised ?? {})).toEqual(
      expect.arrayContaining(['service', 'status', 'metric', 'threshold', 'current_value', 'timestamp']),
    );
    expect(await call('POST', '/alerts/crm/acknowledge', { reason: 'I see it', by: 'maurice' })).toMatchObject({ status: 200 });
    await eventually(() => expect(all('alert.acknowledged')).toMatchObject([{ by: 'maurice', reason: 'I see it' }]));
    const { alerts } = (await call('GET', '/alerts')).body as { alerts: object[] };
    expect(alerts).toMatchObject([{ service: 'crm', acknowledged: { by: 'maurice' }, silenced: null }]);
    answer = 200;
    await eventually(() => expect(all('alert.cleared')).toHaveLength(1));
    expect(all('alert.raised')).toHaveLength(1);
    expect((await call('GET', '/alerts')).body).toEqual({ alerts: [] });
  });

  test('one that is still firing is said again until somebody acknowledges it', async () => {
    answer = 500;
    await eventually(() =>
      expect(
        all('alert.reminded')
          .map(({ reminder }) => reminder)
          .slice(0, 2),
      ).toEqual([1, 2]),
    );
    expect(all('alert.reminded')[1]).toMatchObject({ service: 'crm', metric: 'health', duration: expect.any(Number) });
    expect(all('alert.reminded')[1]?.duration).toBeGreaterThanOrEqual(2);
    await call('POST', '/alerts/crm/acknowledge', { reason: 'I see it', by: 'maurice' });
    answer = 200;
    await eventually(() => expect(all('alert.cleared')).toHaveLength(1));
    expect(all('alert.raised')).toHaveLength(1);
  });

  test('a silence holds for its time, then what still fires is raised again, heard this time; checks go on', async () => {
    answer = 500;
    await eventually(() => expect(all('alert.raised')).toHaveLength(1));
    expect(await call('POST', '/alerts/crm/silence', { reason: 'maintenance', for: '1s' })).toMatchObject({ status: 200 });
    await eventually(() => expect(all('alert.unsilenced')).toMatchObject([{ firing: true }]));
    await eventually(() => expect(all('alert.raised').map(({ silenced }) => silenced)).toEqual([false, false]));
    answer = 200;
    await eventually(() => expect(all('alert.cleared')).toHaveLength(1));
  });

  test('the recovery ends a silence', async () => {
    answer = 500;
    await eventually(() => expect(all('alert.raised')).toHaveLength(1));
    await call('POST', '/alerts/crm/silence', { reason: 'maintenance', for: '1h' });
    answer = 200;
    await eventually(() => expect(all('alert.unsilenced')).toMatchObject([{ firing: false, reason: 'recovered' }]));
  });

  test('an alert from outside, by stream and by POST /alerts, begins and ends', async () => {
    const alert = {
      service: 'backup-disk',
      status: 'CRITICAL',
      metric: 'disk',
      threshold: 90,
      current_value: 97,
      timestamp: new Date().toISOString(),
    };
    await host.redis.xadd('ops:alerts', '*', 'type', 'alert.reported', 'data', JSON.stringify(alert));
    await eventually(() =>
      expect(all('alert.raised')).toMatchObject([
        { service: 'backup-disk', severity: 'critical', threshold: 90, current_value: 97 },
      ]),
    );
    expect(
      await call('POST', '/alerts', { ...alert, status: 'OK', current_value: 60, timestamp: new Date().toISOString() }),
    ).toMatchObject({ status: 202 });
    await eventually(() => expect(all('alert.cleared')).toMatchObject([{ service: 'backup-disk', current_value: 60 }]));
  });

  test('a restart in the middle of an alert says nothing twice and clears nothing', async () => {
    answer = 500;
    await eventually(() => expect(all('alert.raised')).toHaveLength(1));
    const { redisUrl, databaseUrl } = host;
    const port = (crm.address() as AddressInfo).port;
    host.redis.disconnect();
    await host.hosted.stop();
    host = await testHost([monitor], { yaml: yaml(port), servers: { redisUrl, databaseUrl } });
    await eventually(async () =>
      expect(((await call('GET', '/status')).body as unknown as Status).services[0]?.status).toBe('down'),
    );
    await eventually(async () => expect((await call('GET', '/alerts')).body).toMatchObject({ alerts: [{ service: 'crm' }] }));
    expect(all('alert.raised')).toHaveLength(1);
    expect(all('alert.cleared')).toHaveLength(0);
  });
});

describe('bad input is refused with path, value and expectation', () => {
  test('fuzz: no body breaks any route; each is taken, or refused with a code and what was expected', {
    timeout: 120_000,
  }, async () => {
    const body = fc.oneof(
      fc.jsonValue(),
      fc.record({ level: fc.jsonValue(), cpu_percent: fc.jsonValue(), last_sample: fc.jsonValue() }, { requiredKeys: [] }),
      fc.record({ reason: fc.jsonValue(), for: fc.jsonValue(), by: fc.jsonValue() }, { requiredKeys: [] }),
      fc.dictionary(
        fc.constantFrom('service', 'status', 'metric', 'threshold', 'current_value', 'timestamp', '__proto__'),
        fc.jsonValue(),
      ),
    );
    const path = fc.constantFrom('/alerts', '/guard/reports', '/alerts/crm/silence', '/alerts/crm/acknowledge');
    await fc.assert(
      fc.asyncProperty(path, body, async (at, value) => {
        const answer = await call('POST', at, value ?? 'null');
        expect([200, 202, 400, 404]).toContain(answer.status);
        if (answer.status >= 400) expect(answer.body).toMatchObject({ error: expect.any(String), message: expect.any(String) });
      }),
      { numRuns: 300 },
    );
    expect((await call('GET', '/status')).status).toBe(200);
  });

  test.each([
    ['POST', '/guard/reports', { level: 'purple' }, 400, 'body.level'],
    ['POST', '/guard/reports', { level: 'warn', cpu_percent: '91' }, 400, 'body.cpu_percent'],
    ['POST', '/alerts', { service: 'crm' }, 400, 'body.status'],
    ['POST', '/alerts', [], 400, 'body'],
    ['POST', '/alerts/crm/silence', { reason: 'x', for: 'ever' }, 400, 'body.for'],
    ['POST', '/alerts/crm/acknowledge', { reason: '' }, 400, 'body.reason'],
    ['POST', '/alerts/crm/acknowledge', { reason: 'x', extra: 1 }, 400, 'body.extra'],
  ])('%s %s %j', async (method, path, body, status, at) => {
    const refused = await call(method, path, body);
    expect(refused.status).toBe(status);
    const issues = refused.body.issues as { path: string; value: string; expected: string }[];
    expect(issues[0]).toMatchObject({ path: at, value: expect.any(String), expected: expect.any(String) });
  });

  test('JSON that is none, a body that is too large, no token, a wrong token, another host, an unknown path', async () => {
    expect(await call('POST', '/alerts', '{oops')).toMatchObject({ status: 400 });
    expect(await call('POST', '/alerts', { padding: 'x'.repeat(300_000) })).toMatchObject({ status: 413 });
    expect(await call('POST', '/alerts', {}, '')).toMatchObject({ status: 401 });
    expect(await call('POST', '/alerts', {}, 'x'.repeat(32))).toMatchObject({ status: 401 });
    expect(await call('POST', '/alerts/nobody/acknowledge', { reason: 'x' })).toMatchObject({
      status: 404,
      body: { error: 'NOT_FOUND' },
    });
    expect(await call('GET', '/nowhere')).toMatchObject({ status: 404 });
  });
});
