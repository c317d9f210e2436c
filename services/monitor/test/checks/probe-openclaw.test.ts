import { createServer } from 'node:http';
import { eventually } from '@ops/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayStandIn, type Job } from './gateway-stand-in.js';
import { listening } from './listening.js';
import { unwatch, watch } from './watched.js';

const TOKEN = 'canary-gateway-token-4711';
const own = (count: number, enabled = true): Job[] =>
  Array.from({ length: count }, (_, index) => ({ id: `${enabled ? 'on' : 'off'}-${index}`, enabled }));
// What 2026.9 lists beside the operator's jobs.
const declared: Job[] = ['heartbeat:main', 'memory-core:memory-dreaming-promotion', 'skill-collection-review:main'].map(
  (key) => ({
    id: key,
    enabled: true,
    declarationKey: key,
  }),
);

beforeEach(() => {
  process.env.TEST_GATEWAY_TOKEN = TOKEN;
  process.env.TEST_GATEWAY_WRONG = 'canary-wrong-token-0815';
});

describe.each([3, 4] as const)('a gateway of protocol %i', (protocol) => {
  let gateway: GatewayStandIn;
  beforeEach(async () => {
    gateway = await GatewayStandIn.start(protocol, TOKEN);
    gateway.jobs = [...(protocol === 4 ? declared : []), ...own(9)];
  });
  afterEach(async () => {
    await unwatch();
    await gateway.close();
  });
  const service = (openclaw: object = {}, named: object = { token_env: 'TEST_GATEWAY_TOKEN' }) => ({
    name: 'openclaw',
    timeout: '3s',
    health: { openclaw: { url: gateway.url, jobs: 9, ...openclaw }, within: '2s', ...named },
  });
  const becomes = (watched: ReturnType<typeof watch>, status: string) =>
    eventually(() => expect(watched.state('openclaw').status).toBe(status));

  test('is up with its nine jobs, on one connection, with the right to read only', async () => {
    const watched = watch([service()]);
    await becomes(watched, 'up');
    await eventually(() => expect(gateway.called('health')).toBeGreaterThan(3));
    expect(watched.state('openclaw').detail).toMatch(/\b9\b/);
    expect(gateway.introductions).toHaveLength(1);
    expect(gateway.introductions[0]).toMatchObject({ minProtocol: 3, maxProtocol: 4, scopes: ['operator.read'] });
    expect(gateway.called('cron.list')).toBe(1);
  });

  test('with a job that is off is degraded, and says how many there are', async () => {
    gateway.jobs = [...(protocol === 4 ? declared : []), ...own(8), ...own(1, false)];
    const watched = watch([service()]);
    await becomes(watched, 'degraded');
    expect(watched.state('openclaw').detail).toMatch(/\b8\b.*\b9\b/);
  });

  test('whose scheduler is off is down: no job runs', async () => {
    gateway.running = false;
    const watched = watch([service()]);
    await becomes(watched, 'down');
    expect(watched.state('openclaw').detail).toMatch(/switched off/);
  });

  test('that says that it is not well is down', async () => {
    gateway.ok = false;
    const watched = watch([service()]);
    await becomes(watched, 'down');
    expect(watched.state('openclaw').detail).toMatch(/ok/);
  });

  test('whose cron waits for a job that runs stays up, and the last count is told with its age', async () => {
    gateway.beginJob();
    const watched = watch([service()]);
    await becomes(watched, 'up');
    const healthy = gateway.called('health');
    await eventually(() => expect(gateway.called('health')).toBeGreaterThan(healthy + 2));
    expect(watched.state('openclaw').status).toBe('up');
    // One question is open, however many checks there were.
    expect(gateway.called('cron.')).toBe(1);
    gateway.endJob();
    await eventually(() => expect(watched.state('openclaw').detail).toMatch(/\b9\b/));
  });

  test('that takes connections and answers nothing is down', async () => {
    gateway.silent = true;
    await becomes(watch([{ ...service(), timeout: '500ms' }]), 'down');
  });

  test('that restarts is asked on a new connection, and its jobs are counted again', async () => {
    const watched = watch([service()]);
    await becomes(watched, 'up');
    gateway.hangUp();
    await eventually(() => expect(gateway.introductions.length).toBeGreaterThan(1));
    await eventually(() => expect(gateway.connections).toBe(1));
    expect(watched.state('openclaw').status).toBe('up');
  });

  test('is down for who has the wrong token, or none; no token is ever told', async () => {
    const wrong = watch([service({}, { token_env: 'TEST_GATEWAY_WRONG' })]);
    const none = watch([service({}, {})]);
    await becomes(wrong, 'down');
    await becomes(none, 'down');
    expect(wrong.state('openclaw').detail).toMatch(/token mismatch/);
    expect(none.state('openclaw').detail).toMatch(/device identity required/);
    expect(JSON.stringify([wrong.checks.states(), none.checks.states()])).not.toMatch(/canary/);
  });

  test('is not asked for its jobs where none are expected', async () => {
    const watched = watch([service({ jobs: undefined })]);
    await becomes(watched, 'up');
    await eventually(() => expect(gateway.called('health')).toBeGreaterThan(2));
    expect(gateway.called('cron.')).toBe(0);
  });

  test('ends with its connection when the checks end', async () => {
    await becomes(watch([service()]), 'up');
    await unwatch();
    await eventually(() => expect(gateway.connections).toBe(0));
  });
});

describe('a gateway of protocol 4 alone', () => {
  let gateway: GatewayStandIn;
  beforeEach(async () => {
    gateway = await GatewayStandIn.start(4, TOKEN);
  });
  afterEach(async () => {
    await unwatch();
    await gateway.close();
  });
  const service = (jobs: number) => ({
    name: 'openclaw',
    health: { openclaw: { url: gateway.url, jobs }, within: '2s', token_env: 'TEST_GATEWAY_TOKEN' },
  });

  test('is counted page by page', async () => {
    gateway.page = 2;
    gateway.jobs = [...declared, ...own(5), ...own(2, false)];
    const watched = watch([service(5)]);
    await eventually(() => expect(watched.state('openclaw').status).toBe('up'));
    expect(watched.state('openclaw').detail).toMatch(/\b5\b/);
  });

  test('that is still starting is neither up nor down', async () => {
    gateway.refuseConnect = {
      code: 'UNAVAILABLE',
      message: 'gateway is starting',
      details: { reason: 'startup-sidecars', retryAfterMs: 500 },
    };
    const watched = watch([service(0)]);
    await eventually(() => expect(gateway.introductions.length).toBeGreaterThan(3));
    expect(watched.state('openclaw').status).toBe('unknown');
    gateway.refuseConnect = undefined;
    await eventually(() => expect(watched.state('openclaw').status).toBe('up'));
  });

  test('whose token may not read the jobs says so', async () => {
    const details = { missingScope: 'operator.read' };
    gateway.refuseCron = { code: 'FORBIDDEN', message: 'missing scope: operator.read', details };
    const watched = watch([service(9)]);
    await eventually(() => expect(watched.state('openclaw').detail).toMatch(/missing scope: operator\.read/));
    expect(watched.state('openclaw').status).not.toBe('down');
  });
});

test('a page made for people at that address is no gateway', async () => {
  const http = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'));
  const port = await listening(http);
  try {
    const health = { openclaw: { url: `ws://127.0.0.1:${port}`, jobs: 9 } };
    const watched = watch([{ name: 'openclaw', health }]);
    await eventually(() => expect(watched.state('openclaw').status).toBe('down'));
  } finally {
    await unwatch();
    http.closeAllConnections();
    http.close();
  }
});
