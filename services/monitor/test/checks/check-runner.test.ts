import { parseConfig } from '@ops/shared/config';
import { createLogger, systemClock } from '@ops/shared/runtime';
import { eventually, type HttpStandIn, httpStandIn, testRedis } from '@ops/shared/testing';
import { afterEach, expect, test } from 'vitest';
import { type Checks, startChecks } from '../../src/checks/check-runner.js';
import { healthConditions } from '../../src/decide/check-conditions.js';
import type { CheckState } from '../../src/decide/check-types.js';
import { shifts } from './shifts.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Watched {
  readonly checks: Checks;
  readonly services: Parameters<typeof healthConditions>[1];
  readonly changes: string[];
  /** The log's records about checks. */
  readonly log: { service: string; outcome?: string; detail?: string; level: string }[];
  state(service: string): CheckState;
}

function watch(services: readonly object[], onChange = (_state: CheckState) => {}): Watched {
  const config = parseConfig(JSON.stringify({ inventory: { services } }));
  const changes: string[] = [];
  const log: Watched['log'] = [];
  const checks = startChecks({
    services: config.inventory.services,
    clock: systemClock,
    log: createLogger('debug', { write: (line) => void log.push(JSON.parse(line)) }),
    planned: () => false,
    dockerHost: null,
    onChange: (state, previous) => {
      changes.push(`${state.service}: ${previous.status} -> ${state.status}`);
      onChange(state);
    },
  });
  ends.push(checks.close);
  const state = (service: string) => {
    const found = checks.states().find((one) => one.service === service);
    if (found === undefined) throw new Error(`no service ${service}`);
    return found;
  };
  return { checks, services: config.inventory.services, changes, log, state };
}

async function standIn(says: HttpStandIn['says'] = { '/': {} }): Promise<HttpStandIn> {
  const server = await httpStandIn(says);
  ends.push(server.close);
  return server;
}

test('a service is up at its first check, down when it has failed often enough, and up again', async () => {
  const server = await standIn();
  const { changes, state } = watch([{ name: 'crm', interval: '200ms', timeout: '200ms', health: { http: server.url } }]);
  expect(state('crm')).toMatchObject({ status: 'unknown', detail: 'not checked yet' });
  await eventually(() => expect(changes).toEqual(['crm: unknown -> up']));
  await server.close();
  await eventually(() => expect(changes.at(-1)).toBe('crm: up -> down'));
  expect(state('crm').detail).toBe('connection refused: nothing listens there');
  await server.start();
  await eventually(() => expect(changes.at(-1)).toBe('crm: down -> up'));
  expect(changes).toHaveLength(3);
});

test('ten hung services shift the checks of another by less than a tenth of its interval, and hold up nothing', async () => {
  const interval = 400;
  const well = await standIn();
  const hung = await standIn({ '/': 'hang' });
  const others = Array.from({ length: 10 }, (_, index) => ({
    name: `hung-${index}`,
    interval: '300ms',
    timeout: '250ms',
    health: { http: `${hung.url}/` },
  }));
  const { checks, state } = watch([...others, { name: 'well', interval: `${interval}ms`, health: { http: well.url } }]);
  await eventually(() => expect(well.requests.length).toBeGreaterThanOrEqual(14), { within: 20_000 });
  expect(checks.states().filter(({ status }) => status === 'down')).toHaveLength(10);
  expect(state('hung-0').detail).toBe('no answer within 250 ms');
  expect(state('well').status).toBe('up');
  // The first check is at once, the second takes its place in the schedule; from there on, the grid is kept.
  const found = shifts(
    well.requests.slice(1).map(({ at }) => at),
    interval,
  );
  expect(found[Math.floor(found.length / 2)]).toBeLessThan(interval / 10);
  // None of the ten is asked twice at a time.
  expect(hung.open()).toBeLessThanOrEqual(10);
  await checks.close();
  await eventually(() => expect([hung.open(), well.open()]).toEqual([0, 0]));
});

test('an answer that was slow because we were busy ourselves is no slow answer', async () => {
  const { host, port, password } = await (await testRedis()).fresh();
  process.env.CHECK_RUNNER_REDIS = password;
  const health = { redis: { host, port }, within: '10ms', token_env: 'CHECK_RUNNER_REDIS' };
  const { log, changes, state } = watch([{ name: 'redis', interval: '200ms', timeout: '60s', health }]);
  await eventually(() => expect(state('redis').status).toBe('up'));
  const busy = setInterval(() => {
    const until = performance.now() + 30;
    while (performance.now() < until);
  }, 1);
  try {
    await eventually(() => expect(log.filter(({ outcome }) => outcome === 'unsure').length).toBeGreaterThanOrEqual(8), {
      within: 25_000,
    });
  } finally {
    clearInterval(busy);
  }
  expect(log.find(({ outcome }) => outcome === 'unsure')?.detail).toMatch(
    /^our own event loop was late by \d+ ms during the check: PONG/,
  );
  expect(changes).toEqual(['redis: unknown -> up']);
});

test('a child that fails asks for its parent at once: no alert of its own while the parent may be the cause', async () => {
  const server = await standIn();
  const { checks, services, state } = watch([
    { name: 'parent', interval: '1h', health: { http: server.url }, down_after: { failures: 2, of: 3, at_death: false } },
    { name: 'child', interval: '200ms', depends_on: ['parent'], health: { http: server.url } },
  ]);
  await eventually(() => expect(checks.states().map(({ status }) => status)).toEqual(['up', 'up']));
  await server.close();
  const firing: string[] = [];
  const look = () => {
    for (const { service, state } of healthConditions(checks.states(), services, Date.now()))
      if (state === 'firing') firing.push(service);
  };
  await eventually(() => {
    look();
    expect(state('child').status).toBe('down');
    expect(state('parent').suspect).toBe(true);
  });
  look();
  expect(firing).toEqual([]);
  // The parent's second failure would come in an hour.
  await eventually(() => {
    checks.probeNow('parent');
    expect(state('parent').status).toBe('down');
  });
  const conditions = healthConditions(checks.states(), services, Date.now());
  expect(conditions.filter(({ state }) => state === 'firing')).toMatchObject([{ service: 'parent', affects: ['child'] }]);
});

test('a paused service is not asked, and probeNow asks the others', async () => {
  const [paused, asked] = [await standIn(), await standIn()];
  const { checks, state } = watch([
    { name: 'paused', paused: true, health: { http: paused.url } },
    { name: 'asked', interval: '1h', health: { http: asked.url } },
  ]);
  await eventually(() => expect(asked.requests).toHaveLength(1));
  for (const expected of [2, 3]) {
    checks.probeNow();
    await eventually(() => expect(asked.requests).toHaveLength(expected));
  }
  expect(paused.requests).toEqual([]);
  expect(state('paused')).toMatchObject({ status: 'paused', checkedAt: null });
});

test('a listener that throws, a burst of nudges, a close in the midst of a check: nothing is thrown, nothing stays', async () => {
  const server = await standIn();
  const hung = await standIn({ '/': 'hang' });
  const { checks, log, state } = watch(
    [
      { name: 'crm', interval: '200ms', health: { http: server.url } },
      { name: 'hung', interval: '200ms', timeout: '1m', health: { http: hung.url } },
    ],
    () => {
      throw new Error('no');
    },
  );
  await eventually(() => expect(log.some(({ level }) => level === 'error')).toBe(true));
  for (let times = 0; times < 1000; times += 1) checks.probeNow();
  await eventually(() => expect(server.requests.length).toBeGreaterThan(5));
  expect(hung.requests).toHaveLength(1);
  expect(state('crm').status).toBe('up');
  await checks.close();
  await eventually(() => expect([server.open(), hung.open()]).toEqual([0, 0]));
  const asked = server.requests.length;
  checks.probeNow();
  await checks.close();
  expect(server.requests).toHaveLength(asked);
});

test('without an engine a container says nothing, and takes nothing from its service', async () => {
  const server = await standIn();
  const { state } = watch([
    { name: 'crm', interval: '200ms', container: 'crm-1', health: { http: server.url } },
    { name: 'ollama', interval: '200ms', health: { docker: { container: 'ollama' } } },
  ]);
  await eventually(() => expect(state('crm').status).toBe('up'));
  await eventually(() =>
    expect(state('ollama')).toMatchObject({ status: 'unknown', detail: 'container ollama: Docker is switched off in ops.yaml' }),
  );
});

test('one that dies is down at once, long before its next check; one that only ends idle connections is not', async () => {
  const server = await standIn();
  const once = { interval: '1h', health: { http: server.url } };
  const { changes, state } = watch([
    { name: 'crm', ...once },
    { name: 'patient', ...once, down_after: { failures: 2, of: 3, at_death: false } },
  ]);
  await eventually(() => expect(changes).toHaveLength(2));
  server.hangUp();
  await eventually(() => expect(server.requests.length).toBeGreaterThanOrEqual(4));
  expect(changes).toHaveLength(2);
  await server.close();
  await eventually(() => expect(changes.slice(2)).toEqual(['crm: up -> down']));
  expect(state('crm').detail).toBe('connection refused: nothing listens there');
  expect(state('patient')).toMatchObject({ status: 'up', suspect: true });
});
