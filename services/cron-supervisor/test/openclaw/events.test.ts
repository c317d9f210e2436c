import { eventually, type FaultProxy, faultProxy } from '@ops/shared/testing';
import { afterEach, expect, test } from 'vitest';
import { OpenClawSource } from '../../src/sources/openclaw/openclaw-source.js';
import { FakeGateway } from './fake/fake-gateway.js';
import { fastClock } from './fast-clock.js';
import { Told } from './told.js';

const TOKEN = 'canary-gateway-token-4711';

let gateway: FakeGateway;
let proxy: FaultProxy;
let source: OpenClawSource;
let told: Told;
const open = async (generation: 'legacy' | 'modern') => {
  process.env.TEST_OPENCLAW_TOKEN = TOKEN;
  gateway = await FakeGateway.start(generation, TOKEN);
  proxy = await faultProxy({ port: gateway.wire.port });
};
const connect = async (speed = 1) => {
  told = new Told();
  const url = `ws://127.0.0.1:${proxy.port}`;
  source = new OpenClawSource({ name: 'openclaw', url, token_env: 'TEST_OPENCLAW_TOKEN' }, fastClock(speed));
  source.open(told);
  await eventually(() => expect(source.state.kind).toBe('connected'));
};
afterEach(async () => {
  await source.close();
  await proxy.close();
  await gateway.close();
});
const begun = (job: string) => eventually(() => expect(told.begun.some((run) => run.job === job)).toBe(true));

test.each(['legacy', 'modern'] as const)(
  'a %s gateway that loses an event makes the supervisor look again',
  async (generation) => {
    await open(generation);
    await connect(20);
    const { id } = gateway.add({ name: 'lost' });
    void gateway.scheduled(id);
    await begun(id);
    gateway.wire.tell = () => gateway.wire.dropOne();
    gateway.finish(id);
    Reflect.deleteProperty(gateway.wire, 'tell');
    gateway.wire.tell('tick', { ts: 1 });
    await eventually(() => expect(told.connections).toBe(2));
    expect(told.reports).toEqual([]);
    expect(await source.running()).toEqual([]);
    expect(await source.history(id, 0)).toHaveLength(1);
    expect(told.losses).toEqual([]);
  },
);

test('a run that somebody starts gets its name, also where that comes later', async () => {
  await open('modern');
  await connect();
  const { id } = gateway.add({ name: 'named' });
  const outcome = await source.start(id);
  expect(outcome).toEqual({ kind: 'started', ref: expect.stringMatching(new RegExp(`^manual:${id}:`)) });
  await eventually(() => expect(told.begun.map(({ ref }) => ref)).toEqual([null, 'ref' in outcome && outcome.ref]));
  expect(new Set(told.begun.map((run) => run.started_at)).size).toBe(1);
  gateway.finish(id);
  await eventually(() => expect(told.reports).toEqual([expect.objectContaining('ref' in outcome ? { ref: outcome.ref } : {})]));
});

test('a run that a listing shows before its event comes is told all the same', async () => {
  await open('modern');
  await connect();
  const job = gateway.add({ name: 'shown' });
  job.state.runningAtMs = 77_000;
  expect(await source.running()).toEqual([{ job: job.id, started_at: 77_000 }]);
  expect(told.begun).toEqual([]);
  for (let twice = 0; twice < 2; twice += 1)
    gateway.wire.tell('cron', { jobId: job.id, action: 'started', job, runAtMs: 77_000 });
  await source.list();
  expect(told.begun).toEqual([{ job: job.id, started_at: 77_000, ref: null }]);
});

test('what the gateway runs for itself is not told', async () => {
  await open('modern');
  const own = gateway.add({ name: 'heartbeat-main', declarationKey: 'heartbeat:main' });
  await connect();
  void gateway.scheduled(own.id);
  gateway.finish(own.id);
  const { id } = gateway.add({ name: 'ours' });
  void gateway.scheduled(id);
  await begun(id);
  expect(told.begun.map((run) => run.job)).toEqual([id]);
  expect(told.reports).toEqual([]);
  expect((await source.running()).map((run) => run.job)).toEqual([id]);
});

test('a legacy gateway is asked for its jobs once at a time, however many want to know, and answers when no job runs', async () => {
  await open('legacy');
  await connect();
  const { id } = gateway.add({ name: 'long' });
  void gateway.scheduled(id);
  await begun(id);
  const lists = Promise.all([source.list(), source.list(), source.list()]);
  expect((await source.running()).map((run) => run.job)).toEqual([id]);
  expect(await source.history(id, 0)).toEqual([]);
  expect(gateway.wire.called('cron.list')).toHaveLength(1);
  gateway.finish(id);
  expect((await lists).map(({ jobs }) => jobs.length)).toEqual([1, 1, 1]);
});

test('a legacy gateway whose running job began before we came is not said to run nothing', async () => {
  await open('legacy');
  const { id } = gateway.add({ name: 'before' });
  void gateway.scheduled(id);
  await connect(20);
  let answered = false;
  const running = source.running().finally(() => {
    answered = true;
  });
  await eventually(() => expect(gateway.wire.called('cron.list').length).toBeGreaterThan(0));
  expect(await source.history(id, 0)).toEqual([]);
  expect(answered).toBe(false);
  gateway.finish(id);
  expect(await running).toEqual([]);
  expect(await source.history(id, 0)).toHaveLength(1);
});

test('a start on a legacy gateway waits for the job that runs, and is told when it has begun', async () => {
  await open('legacy');
  await connect();
  const [first, second] = [gateway.add({ name: 'first' }).id, gateway.add({ name: 'second' }).id];
  void gateway.scheduled(first);
  await begun(first);
  const started = source.start(second);
  await eventually(() => expect(gateway.wire.called('cron.run')).toEqual([{ id: second, mode: 'force' }]));
  gateway.finish(first);
  expect(await started).toEqual({ kind: 'started', ref: null });
  expect((await source.running()).map((run) => run.job)).toEqual([second]);
  gateway.finish(second);
});

test('what a legacy gateway calls ok is told as it is: its words are there to be judged', async () => {
  await open('legacy');
  await connect();
  const { id } = gateway.add({ name: 'words' });
  for (const how of [
    { kind: 'http', status: 401 },
    { kind: 'http', status: 500 },
    { kind: 'empty' },
    { kind: 'no-key' },
  ] as const) {
    const run = gateway.scheduled(id);
    await eventually(() => expect(gateway.store.running.has(id)).toBe(true));
    gateway.finish(id, how);
    await run;
  }
  const words = (await source.history(id, 0)).map(({ word, output, error }) => ({ word, output, error }));
  expect(words).toEqual([
    { word: 'ok', output: '401 Incorrect API key provided', error: null },
    { word: 'ok', output: '500 Incorrect API key provided', error: null },
    { word: 'ok', output: null, error: null },
    { word: 'error', output: null, error: 'Error: No API key found for provider "openai"' },
  ]);
});

test('a modern gateway tries a failed job again by itself, three times, and says when', async () => {
  await open('modern');
  // Slow enough for what it says of the first pause to be asked for within that pause.
  gateway.modern.speed = 100;
  await connect();
  const { id } = gateway.add({ name: 'retried' });
  await source.list();
  expect(await source.ownRetryAt(id)).toBeUndefined();
  void gateway.scheduled(id);
  for (let failures = 1; failures <= 4; failures += 1) {
    await eventually(() => expect(told.begun).toHaveLength(failures));
    gateway.finish(id, { kind: 'http', status: 500 });
    await eventually(() => expect(told.reports).toHaveLength(failures));
    const due = await source.ownRetryAt(id);
    if (failures <= 3) expect(due).toBeGreaterThan(told.reports.at(-1)?.ended_at ?? Number.NaN);
    else expect(due).toBeUndefined();
  }
  expect(told.begun.map((run) => run.started_at)).toEqual((await source.history(id, 0)).map((run) => run.started_at));
  expect(told.reports.at(-1)).toMatchObject({ word: 'error', completion: 'failed', error_kind: 'server_error' });
});

test('a killed run is not tried again by the gateway', async () => {
  await open('modern');
  await connect();
  const { id } = gateway.add({ name: 'killed' });
  await source.list();
  void gateway.scheduled(id);
  await begun(id);
  const [run] = told.begun;
  if (run === undefined) throw new Error('it has not begun');
  expect(await source.kill(run, 'gentle')).toMatchObject({ kind: 'sent' });
  await eventually(() => expect(told.reports).toHaveLength(1));
  expect(gateway.wire.called('tasks.cancel')).toEqual([
    { taskId: expect.any(String), reason: 'supervisor: exceeded 2x expected' },
  ]);
  expect(await source.ownRetryAt(id)).toBeUndefined();
});

test('jobs and runs of many pages are all there, and jobs that change meanwhile are asked for again', async () => {
  await open('modern');
  gateway.modern.page = 7;
  await connect();
  for (let index = 0; index < 30; index += 1) gateway.add({ name: `job-${index}` });
  expect((await source.list()).jobs.map((job) => job.name)).toEqual(Array.from({ length: 30 }, (_, index) => `job-${index}`));
  const [job] = gateway.store.jobs;
  for (let run = 1; run <= 30; run += 1)
    gateway.store.keep(job?.id ?? '', { ts: run + 1, jobId: job?.id, status: 'ok', runAtMs: run, durationMs: 1 });
  expect((await source.history(job?.id ?? '', 12)).map((run) => run.started_at)).toEqual(
    Array.from({ length: 19 }, (_, index) => index + 12),
  );
  expect(gateway.wire.called('cron.runs')).toHaveLength(3);
});

test('a job that was switched off to end its run is switched on again when the gateway is back', async () => {
  await open('modern');
  await connect();
  const job = gateway.add({ name: 'owed' });
  await source.start(job.id);
  await begun(job.id);
  const [run] = told.begun;
  if (run === undefined) throw new Error('it has not begun');
  gateway.wire.ignored.add('cron.update');
  const killed = source.kill(run, 'hard');
  await eventually(() => expect(job.enabled).toBe(false));
  // Nobody has switched it off: it is to be supervised all the while.
  expect((await source.list()).jobs).toMatchObject([{ id: job.id, enabled: true }]);
  gateway.wire.ignored.delete('cron.update');
  proxy.reset();
  await expect(killed).rejects.toMatchObject({ code: 'SOURCE_DOWN' });
  await eventually(() => expect(job.enabled).toBe(true));
});

test('a job that somebody changes at the same moment is not switched on', async () => {
  await open('modern');
  await connect();
  const job = gateway.add({ name: 'changed' });
  await source.start(job.id);
  await begun(job.id);
  const [run] = told.begun;
  if (run === undefined) throw new Error('it has not begun');
  // What we read is not what is there any more.
  gateway.wire.broken.set('cron.get', { enabled: true, configRevision: 'sha256:before', state: { runningAtMs: run.started_at } });
  job.enabled = false;
  expect(await source.kill(run, 'hard')).toMatchObject({ kind: 'not-possible', how: expect.stringContaining('configRevision') });
  expect(job.enabled).toBe(false);
});

test('a job that somebody has switched off stays so', async () => {
  await open('modern');
  await connect();
  const job = gateway.add({ name: 'off', enabled: false });
  await source.start(job.id);
  await begun(job.id);
  const [run] = told.begun;
  if (run === undefined) throw new Error('it has not begun');
  expect(await source.kill(run, 'hard')).toMatchObject({ kind: 'not-possible' });
  expect(job.enabled).toBe(false);
});
