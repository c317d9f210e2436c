import { eventually, testHost } from '@ops/shared/testing';
import { afterEach, expect, test } from 'vitest';
import { cronSupervisor } from '../src/index.js';
import { type Scene, scene } from './scene.js';

let here: Scene;
afterEach(() => here.close());

const EVERY_2_S = 'schedule: "*/2 * * * * *", grace: 700ms';

test('a slot that nobody serves is missed, once; the alert about it ends with the next success', async () => {
  here = await scene(`{ jobs: [{ id: pulse, ${EVERY_2_S} }, { id: other, ${EVERY_2_S}, class: revenue }] }`);
  await eventually(() => expect(here.of('cron.run-missed', 'heartbeat/pulse').length).toBeGreaterThan(1), { within: 10_000 });
  const [first] = here.of('cron.run-missed', 'heartbeat/pulse');
  expect(first).toMatchObject({ unseen: false, reason: 'no run has begun in time' });
  expect(Date.parse(first?.deadline ?? '') - Date.parse(first?.slot ?? '')).toBe(700);
  const alerts = (status: RegExp) =>
    here
      .of('alert.reported')
      .filter(
        ({ service, metric, status: said }) => metric === 'cron-schedule' && service === 'heartbeat/pulse' && status.test(said),
      );
  expect(alerts(/^missed$/).length).toBeGreaterThan(0);
  expect(
    here.of('alert.reported').some(({ service, status }) => service === 'heartbeat/other' && status === 'missed, critical'),
  ).toBe(true);
  await here.call('POST', '/ping/pulse');
  await eventually(() => expect(alerts(/^ok$/)).toHaveLength(1));
  const slots = here.of('cron.run-missed', 'heartbeat/pulse').map(({ slot }) => slot);
  expect(new Set(slots).size).toBe(slots.length);
});

test('a slot that is served in time is not missed', async () => {
  here = await scene(`{ jobs: [{ id: pulse, ${EVERY_2_S} }, { id: silent, ${EVERY_2_S} }] }`);
  await here.call('POST', '/ping/pulse');
  // A slot before it was not served by anybody.
  const since = Date.now();
  const beating = setInterval(() => void here.call('POST', '/ping/pulse').catch(() => undefined), 300);
  const missed = (job: string) => here.of('cron.run-missed', `heartbeat/${job}`).filter(({ slot }) => Date.parse(slot) >= since);
  try {
    await eventually(() => expect(missed('silent').length).toBeGreaterThan(2), { within: 15_000 });
    expect(missed('pulse')).toEqual([]);
  } finally {
    clearInterval(beating);
  }
});

test('while we were away ourselves a slot may have been served, and could not be told of: it is called unseen, and raises nothing', async () => {
  const cron = `{ jobs: [{ id: pulse, schedule: "* * * * * *", grace: 1s }] }`;
  here = await scene(cron);
  await here.call('POST', '/ping/pulse');
  const { redisUrl, databaseUrl } = here.host;
  await here.host.hosted.stop();
  const stopped = Date.now();
  // Longer than a restart takes.
  await eventually(() => expect(Date.now() - stopped).toBeGreaterThan(6500), { within: 10_000 });
  const back = await testHost([cronSupervisor], {
    yaml: `inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }\ncron: ${cron}`,
    servers: { redisUrl, databaseUrl },
  });
  try {
    await eventually(() => expect(here.of('cron.run-missed').filter(({ unseen }) => unseen).length).toBeGreaterThan(3), {
      within: 15_000,
    });
    const unseen = here.of('cron.run-missed').filter((one) => one.unseen);
    expect(unseen[0]?.reason).toContain('we were away ourselves');
  } finally {
    await back.close();
  }
});

test('two runs at once are told apart by their names; one that begins again without a name has not ended well', async () => {
  here = await scene('{ jobs: [{ id: sync }, { id: plain }] }');
  await here.call('POST', '/ping/sync/start?run=a');
  await here.call('POST', '/ping/sync/start?run=b');
  expect((await here.call('POST', '/ping/sync/4?run=a', 'disk full')).body).toMatchObject({
    verdict: 'failed',
    reason: 'disk full',
  });
  expect((await here.call('POST', '/ping/sync?run=b')).body).toMatchObject({ verdict: 'succeeded' });
  await here.call('POST', '/ping/plain/start');
  await here.call('POST', '/ping/plain/start');
  await eventually(() => expect(here.of('cron.run-failed', 'heartbeat/plain')).toMatchObject([{ code: 'interrupted' }]));
  expect((await here.call('POST', '/ping/plain')).body).toMatchObject({ verdict: 'succeeded' });
  // Nobody here can start it again: the failure is final at once.
  expect(here.of('cron.run-failed', 'heartbeat/sync')).toMatchObject([{ final: true, code: 'exit-code' }]);
});

test('an output that is not what the rule asks for makes the run a failure, with exit code 0', async () => {
  here = await scene('{ jobs: [{ id: export, output: { pattern: "rows: [1-9]" } }] }');
  expect((await here.call('POST', '/ping/export', 'rows: 0')).body).toMatchObject({ verdict: 'failed' });
  expect((await here.call('POST', '/ping/export', 'rows: 12')).body).toMatchObject({ verdict: 'succeeded' });
  expect((await here.call('POST', '/ping/export', { rows: 12 })).body).toMatchObject({ verdict: 'failed' });
});

test('an added job is judged by what was said of it: how long it takes, its grace, its output', async () => {
  here = await scene('{}');
  const output = { pattern: '^[0-9]+ tables$' };
  const added = await here.call('POST', '/cron/jobs', {
    id: 'export',
    schedule: 'every 1h',
    expected: '5m',
    grace: '10m',
    output,
  });
  expect(added.body).toMatchObject({ ping: '/ping/export' });
  const { body } = await here.call('GET', '/cron/jobs/export');
  expect(body).toMatchObject({ expected_ms: 300_000, expected_from: 'given', limit_ms: 600_000, grace_ms: 600_000 });
  expect((await here.call('POST', '/ping/export', 'no tables')).body).toMatchObject({ verdict: 'failed' });
});

test('a run that went past its limit while we were away, and tells of its end once we are back, went well: nothing is asked to end', async () => {
  const cron = '{ jobs: [{ id: copy, expected: 1s }] }';
  here = await scene(cron);
  await here.call('POST', '/ping/copy/start?run=one');
  const { redisUrl, databaseUrl } = here.host;
  await here.host.hosted.stop();
  const stopped = Date.now();
  // Past its limit of 2 s.
  await eventually(() => expect(Date.now() - stopped).toBeGreaterThan(2500));
  const back = await testHost([cronSupervisor], {
    yaml: `inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }\ncron: ${cron}`,
    servers: { redisUrl, databaseUrl },
  });
  try {
    // As `ops cron exec` does, which asks again every few seconds.
    const returned = Date.now();
    await eventually(() => expect(Date.now() - returned).toBeGreaterThan(3000));
    const answer = await fetch(`${back.hosted.address}/ping/copy?run=one`, {
      method: 'POST',
      headers: { authorization: `Bearer ${back.token}` },
    });
    expect(await answer.json()).toMatchObject({ verdict: 'succeeded' });
    await eventually(() => expect(here.of('cron.run-succeeded')).toHaveLength(1));
    expect(here.of('cron.run-overran')).toEqual([]);
  } finally {
    await back.close();
  }
});

test('a job that fails at each slot, with slots closer together than the pause before a retry, is told of all the same', async () => {
  here = await scene(`{ retry_after: 3s, jobs: [{ id: pulse, schedule: "*/2 * * * * *", grace: 1500ms, command: ["false"] }] }`);
  await eventually(() => expect(Date.now() % 2000).toBeLessThan(100));
  const failing = setInterval(() => void here.call('POST', '/ping/pulse/fail').catch(() => undefined), 2000);
  try {
    const alerts = () =>
      here.of('alert.reported').filter(({ metric, status }) => metric === 'cron-result' && status === 'failed');
    await eventually(() => expect(alerts()).toHaveLength(1), { within: 20_000 });
    expect(alerts()[0]?.current_value).toContain('a later slot has come and failed');
    expect(here.of('cron.run-failed').every(({ final }) => !final)).toBe(true);
  } finally {
    clearInterval(failing);
  }
});

test('whoever tells late says how long ago it was: the run began and ended then', async () => {
  here = await scene('{ jobs: [{ id: copy }] }');
  const asked = Date.now();
  await here.call('POST', '/ping/copy/start?run=one&ago=60000');
  await here.call('POST', '/ping/copy/0?run=one&ago=20000');
  const { body } = await here.call('GET', '/cron/runs?job=heartbeat%2Fcopy');
  const [run] = body.runs as { started_at: string; ended_at: string }[];
  expect(Math.abs(Date.parse(run?.started_at ?? '') - (asked - 60_000))).toBeLessThan(15_000);
  expect(Math.abs(Date.parse(run?.ended_at ?? '') - (asked - 20_000))).toBeLessThan(15_000);
  const refused = await here.call('POST', '/ping/copy?ago=soon');
  expect(refused).toMatchObject({ status: 400, body: { message: expect.stringContaining('?ago=soon: expected ms') } });
});
