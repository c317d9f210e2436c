import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EventData, EventDraft, EventType } from '@ops/shared/events';
import { groupLags } from '@ops/shared/streams';
import {
  eventually,
  freePort,
  type HttpStandIn,
  httpStandIn,
  OwnProcess,
  type Recorder,
  recorder,
  type TestHost,
  testHost,
  testPostgres,
  testRedis,
} from '@ops/shared/testing';
import { afterEach, expect, test } from 'vitest';
import { monitor } from '../../src/index.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

// The host that runs the tests may be busy: its readings move no level here.
const QUIET = `
guard:
  cpu: { enter: 10m }
  ram: { warn: 98, critical: 99, emergency: 99.5, enter: 10m }
  disk: { warn: 99, critical: 100 }
`;
const yamlOf = (services: readonly object[]) => `inventory: ${JSON.stringify({ services })}\n${QUIET}`;

async function standIn(): Promise<HttpStandIn> {
  const server = await httpStandIn({ '/': {} });
  ends.push(server.close);
  return server;
}

async function hosted(services: readonly object[], servers?: Pick<TestHost, 'redisUrl' | 'databaseUrl'>): Promise<TestHost> {
  const host = await testHost([monitor], { yaml: yamlOf(services), ...(servers === undefined ? {} : { servers }) });
  ends.push(() => host.close());
  return host;
}

async function recorded(redisUrl: string): Promise<Recorder> {
  const seen = await recorder(redisUrl, ['ops:alerts', 'ops:guard']);
  ends.push(() => seen.close());
  return seen;
}

const all = <T extends EventType>(seen: Recorder, type: T) =>
  seen.events.flatMap(({ event }) => (event?.type === type ? [event.data as EventData<T>] : []));
const notices = (seen: Recorder) => [...all(seen, 'alert.raised'), ...all(seen, 'alert.cleared')];

test('a service that goes up and down 20 times: at most 4 notices', async () => {
  const server = await standIn();
  const host = await hosted([{ name: 'crm', interval: '200ms', health: { http: server.url } }]);
  const seen = await recorded(host.redisUrl);
  const crm = async () =>
    ((await (await fetch(`${host.hosted.address}/status`)).json()) as { services: { status: string; checked_at: string }[] })
      .services[0];
  // In each half of each period it is seen as it is: without damping, each would be a notice.
  const seenSince = (at: number) =>
    eventually(async () => expect(Date.parse((await crm())?.checked_at ?? '')).toBeGreaterThan(at));
  await eventually(async () => expect((await crm())?.status).toBe('up'));
  for (let period = 0; period < 20; period += 1) {
    await server.close();
    await seenSince(Date.now());
    await server.start();
    await seenSince(Date.now());
  }
  await eventually(() => expect(notices(seen).length).toBeGreaterThanOrEqual(1));
  expect(notices(seen).length).toBeLessThanOrEqual(4);
});

test('a parent and 30 children down: 1 notice, which names the 30', async () => {
  const server = await standIn();
  const children = Array.from({ length: 30 }, (_, index) => `child-${index}`);
  const host = await hosted([
    { name: 'parent', interval: '500ms', health: { http: server.url } },
    ...children.map((name) => ({ name, interval: '500ms', depends_on: ['parent'], health: { http: server.url } })),
  ]);
  const seen = await recorded(host.redisUrl);
  const status = async () =>
    ((await (await fetch(`${host.hosted.address}/status`)).json()) as { services: { status: string }[] }).services;
  const everyOneIs = (what: string) =>
    eventually(async () => expect((await status()).filter((service) => service.status === what)).toHaveLength(31), {
      within: 20_000,
    });
  await everyOneIs('up');
  await server.close();
  await everyOneIs('down');
  await eventually(() => expect(all(seen, 'alert.raised')).toHaveLength(1));
  expect(all(seen, 'alert.raised')[0]).toMatchObject({ service: 'parent', metric: 'health' });
  const { affects } = all(seen, 'alert.raised')[0] ?? { affects: [] };
  await server.start();
  await everyOneIs('up');
  await eventually(() => expect(all(seen, 'alert.cleared')).toHaveLength(1));
  expect(notices(seen)).toHaveLength(2);
  expect([...affects].sort()).toEqual([...children].sort());
});

test('a service that ends while it is deployed raises nothing for that; after the deployment its death does', async () => {
  const server = await standIn();
  const host = await hosted([{ name: 'crm', interval: '1h', up_after: 1, health: { http: server.url } }]);
  const seen = await recorded(host.redisUrl);
  const crm = async () =>
    ((await (await fetch(`${host.hosted.address}/status`)).json()) as { services: { status: string; detail: string }[] })
      .services[0];
  const about = { service: 'crm', action: 'image', timestamp: new Date().toISOString(), duration: 0, project: 'crm' };
  const say = async (draft: EventDraft) => {
    await host.publisher.publish([draft]);
    await eventually(async () => {
      const groups = await groupLags(host.redis, 'ops:deploys');
      expect(groups.find(({ group }) => group === 'monitor')).toMatchObject({ lag: 0, pending: 0 });
    });
  };
  await eventually(async () => expect((await crm())?.status).toBe('up'));
  const started = { requested_by: 'maurice', level: 'normal' as const, plan_hash: 'x', reversible: true, services: [] };
  const begin = { ...about, ...started, deployment_id: 'd1', status: 'started' };
  await say({ type: 'deploy.started', subject: 'crm', data: begin });
  await server.close();
  await eventually(async () => expect(await crm()).toMatchObject({ status: 'up', detail: expect.stringContaining('refused') }));
  expect(all(seen, 'alert.raised')).toEqual([]);
  const end = { step: 'apply', reason: 'x', evidence: [], touched: true, rollback: 'not-needed' as const };
  await say({ type: 'deploy.failed', subject: 'crm', data: { ...about, ...end, deployment_id: 'd1', status: 'failed' } });
  await server.start();
  // Its next check would come in an hour: a monitor that begins now sees it at once.
  const second = await hosted([{ name: 'crm', interval: '1h', health: { http: server.url } }]);
  const alone = await recorded(second.redisUrl);
  await eventually(async () => {
    const { services } = (await (await fetch(`${second.hosted.address}/status`)).json()) as { services: { status: string }[] };
    expect(services[0]?.status).toBe('up');
  });
  await server.close();
  await eventually(() => expect(all(alone, 'alert.raised')).toHaveLength(1));
});

test('two monitors of one host: one alert and one clear', async () => {
  const server = await standIn();
  const service = { name: 'crm', interval: '300ms', health: { http: server.url } };
  const first = await hosted([service]);
  const second = await hosted([{ ...service, interval: '700ms', down_after: { failures: 3, of: 3, at_death: false } }], first);
  const seen = await recorded(first.redisUrl);
  const up = async (host: TestHost) => {
    const { services } = (await (await fetch(`${host.hosted.address}/status`)).json()) as { services: { status: string }[] };
    return services[0]?.status === 'up';
  };
  await eventually(async () => expect([await up(first), await up(second)]).toEqual([true, true]));
  await server.close();
  await eventually(async () => expect([await up(first), await up(second)]).toEqual([false, false]));
  await server.start();
  await eventually(async () => expect([await up(first), await up(second)]).toEqual([true, true]), { within: 20_000 });
  await eventually(() => expect(all(seen, 'alert.cleared')).toHaveLength(1));
  expect(notices(seen)).toHaveLength(2);
});

test('kill -9 and restart: the same level, and no second notice', async () => {
  const home = mkdtempSync(join(tmpdir(), 'ops-calm-'));
  ends.push(() => rmSync(home, { recursive: true, force: true }));
  const config = join(home, 'ops.yaml');
  // Any host uses more than a thousandth of its memory.
  const yaml = yamlOf([{ name: 'thing', health: { tcp: { port: 1 } }, paused: true }]);
  writeFileSync(
    config,
    yaml.replace(
      'ram: { warn: 98, critical: 99, emergency: 99.5, enter: 10m }',
      'ram: { warn: 0.05, critical: 0.1, emergency: 99.5 }',
    ),
  );
  const [{ url: redisUrl }, databaseUrl] = [await (await testRedis()).fresh(), await (await testPostgres()).fresh()];
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  const seen = await recorded(redisUrl);
  for (let run = 0; run < 3; run += 1) {
    const port = await freePort();
    const own = new OwnProcess({ main, redisUrl, databaseUrl, config, home, port });
    ends.push(() => own.kill());
    const level = async () => ((await (await fetch(`http://127.0.0.1:${port}/guard`)).json()) as { level: string }).level;
    await Promise.race([eventually(async () => expect(await level()).toBe('critical'), { within: 30_000 }), own.died]);
    // What a second run would say again is said by now.
    await eventually(() => expect(all(seen, 'alert.raised')).toHaveLength(1));
    await eventually(() => expect(all(seen, 'guard.sampled').length).toBeGreaterThanOrEqual(run + 1));
    await own.kill();
  }
  expect(all(seen, 'guard.level-changed').map(({ level }) => level)).toEqual(['critical']);
  expect(notices(seen)).toMatchObject([{ metric: 'guard-level', current_value: 'critical' }]);
});
