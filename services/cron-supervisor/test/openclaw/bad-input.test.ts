import { eventually, type FaultProxy, faultProxy } from '@ops/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OpenClawSource } from '../../src/sources/openclaw/openclaw-source.js';
import { FakeGateway } from './fake/fake-gateway.js';
import { invalid, Refusal } from './fake/refusal.js';
import { fastClock } from './fast-clock.js';
import { Told } from './told.js';

const TOKEN = 'canary-gateway-token-4711';

describe.each(['legacy', 'modern'] as const)('a %s gateway', (generation) => {
  let gateway: FakeGateway;
  let proxy: FaultProxy;
  let source: OpenClawSource;
  let told: Told;
  beforeEach(async () => {
    process.env.TEST_OPENCLAW_TOKEN = TOKEN;
    gateway = await FakeGateway.start(generation, TOKEN);
    proxy = await faultProxy({ port: gateway.wire.port });
    told = new Told();
  });
  afterEach(async () => {
    await source.close();
    await proxy.close();
    await gateway.close();
  });
  const open = (given: object = {}, speed = 1) => {
    const url = `ws://127.0.0.1:${proxy.port}`;
    source = new OpenClawSource({ name: 'openclaw', url, token_env: 'TEST_OPENCLAW_TOKEN', ...given }, fastClock(speed));
    source.open(told);
  };
  const connected = () => eventually(() => expect(source.state.kind).toBe('connected'));
  const down = (why: RegExp) => eventually(() => expect(source.state).toEqual({ kind: 'down', why: expect.stringMatching(why) }));

  test('that talks rubbish is told of, and goes on', async () => {
    open();
    await connected();
    for (const rubbish of ['', 'hello', '{"type":', '[]', '{"type":"res"}', '{"type":"event"}', Buffer.from([0xff, 0x00, 0xfe])])
      gateway.wire.raw(rubbish);
    await eventually(() => expect(told.issues).toHaveLength(7));
    expect(told.issues[1]).toEqual({ path: 'frame', value: '"hello"', expected: 'a frame of the gateway, as JSON' });
    const job = gateway.add({ name: 'still-there' });
    expect((await source.list()).jobs.map(({ id }) => id)).toEqual([job.id]);
    expect(told).toMatchObject({ connections: 1, losses: [] });
  });

  test('whose events make no sense is told of, with the path', async () => {
    open();
    await connected();
    for (const payload of [
      5,
      null,
      {},
      { jobId: 7, action: 'started' },
      { jobId: 'a', action: 'started' },
      { jobId: 'a', action: 'started', runAtMs: 'now' },
      { jobId: 'a', action: 'finished', runAtMs: 1 },
      { jobId: 'a', action: 'finished', runAtMs: 1, status: 'perhaps' },
    ])
      gateway.wire.tell('cron', payload as object);
    gateway.wire.tell('task', { task: 5 });
    gateway.wire.tell('cron', { jobId: 'a', action: 'something-new' });
    gateway.wire.tell('something-new', {});
    await eventually(() => expect(told.issues.length).toBeGreaterThanOrEqual(8));
    expect(told.issues).toContainEqual({ path: 'event.cron.runAtMs', value: '"now"', expected: 'number' });
    expect(told.issues).toContainEqual({
      path: 'event.cron.status',
      value: '"perhaps"',
      expected: expect.stringContaining('ok'),
    });
    expect(told).toMatchObject({ begun: [], reports: [], losses: [] });
  });

  test('whose frame is too long is told of, and connected to again', async () => {
    open();
    await connected();
    gateway.wire.raw(`"${'x'.repeat(34_000_000)}"`);
    await eventually(() => expect(told.connections).toBe(2));
    expect(told.issues).toEqual([{ path: 'frame', value: expect.any(String), expected: 'at most 32 MiB' }]);
  });

  test.each(['cron.list', 'cron.runs'])('that answers %s with nonsense does not bring the source down', async (method) => {
    open();
    await connected();
    const { id } = gateway.add({ name: 'job' });
    for (const nonsense of [null, 5, 'jobs', [], { jobs: 5, entries: {} }]) {
      gateway.wire.broken.set(method, nonsense);
      await expect(method === 'cron.list' ? source.list() : source.history(id, 0)).rejects.toMatchObject({ code: 'SOURCE_DOWN' });
    }
    expect(told.issues.map(({ path }) => path.replace(/\..*/, ''))).toEqual(Array(5).fill('cron'));
    gateway.wire.broken.delete(method);
    expect((await source.list()).jobs).toHaveLength(1);
    expect(source.state.kind).toBe('connected');
  });

  test('of whose jobs and runs some cannot be read tells which, and the others', async () => {
    open();
    await connected();
    const good = gateway.add({ name: 'good' });
    gateway.add({ name: 'bad', schedule: { kind: 'cron', expr: 'often' } });
    gateway.add({ name: 'twin', id: good.id });
    gateway.add({ name: 'new-kind', schedule: { kind: 'on-exit', after: good.id } });
    const { jobs, issues } = await source.list();
    expect(jobs.map(({ name, schedule }) => [name, schedule.kind])).toEqual([
      ['good', 'cron'],
      ['new-kind', 'on-demand'],
    ]);
    expect(issues).toEqual([
      { path: 'cron.list.jobs[1].schedule.expr', value: 'often', expected: expect.stringContaining('5 fields') },
      { path: 'cron.list.jobs[2].id', value: `"${good.id}"`, expected: expect.stringContaining('first is kept') },
    ]);
    gateway.store.keep(good.id, { jobId: good.id, status: 'ok', runAtMs: 'yesterday' });
    gateway.store.keep(good.id, { jobId: good.id, status: 'ok', runAtMs: 5, durationMs: 2, summary: 7 });
    expect(await source.history(good.id, 0)).toEqual([expect.objectContaining({ started_at: 5, ended_at: 7, output: null })]);
    expect(told.issues).toEqual([
      { path: expect.stringMatching(/^cron\.runs\.entries\[\d\]\.runAtMs$/), value: '"yesterday"', expected: 'number' },
    ]);
  });

  test('of an unknown protocol is down, and says so', async () => {
    gateway.wire.says = 9;
    open();
    await down(/protocol 9: expected 3 or 4/);
    expect(told).toMatchObject({ connections: 0, losses: [expect.stringMatching(/protocol/)] });
  });

  test('that speaks none of our protocols is down, and says so', async () => {
    gateway.wire.refuse = invalid('protocol mismatch', { close: 1002 });
    open();
    await down(/another protocol than 3 and 4/);
  });

  test('that is starting is waited for', async () => {
    gateway.wire.refuse = new Refusal('UNAVAILABLE', 'gateway starting', {
      details: { reason: 'startup-sidecars' },
      close: 1013,
    });
    open();
    await down(/it is starting/);
    gateway.wire.refuse = undefined;
    await connected();
  });

  test('that wants a token where none is named says which setting is missing', async () => {
    open({ token_env: undefined });
    await down(/token_env or token_file/);
  });

  test('whose token cannot be read says which setting that is', async () => {
    open({ token_env: undefined, token_file: '/no/such/file' });
    await down(/token_file \/no\/such\/file/);
  });

  test('that takes the connection and says nothing is down', async () => {
    gateway.wire.mute = true;
    open({}, 100);
    await down(/no answer to our introduction within 10 s/);
  });

  test('that falls silent is asked, and left where it does not answer', async () => {
    open({}, 100);
    await connected();
    const before = told.losses.length;
    const losses = () => told.losses.slice(before);
    // It answers health: that is a sign of life.
    await eventually(() => expect(gateway.wire.called('health').length).toBeGreaterThan(0));
    expect(losses()).toEqual([]);
    gateway.wire.ignored.add('health');
    await eventually(() => expect(losses()).toEqual([expect.stringMatching(/silent for \d+ s, and no answer to health/)]));
    gateway.wire.ignored.delete('health');
    await connected();
  });

  test('that does not answer in time makes the question fail, not the connection', async () => {
    open({}, 100);
    await connected();
    const before = told.losses.length;
    const { id } = gateway.add({ name: 'job' });
    gateway.wire.ignored.add('cron.runs');
    await expect(source.history(id, 0)).rejects.toMatchObject({
      message: expect.stringContaining('no answer to cron.runs within 15 s'),
    });
    expect(told.losses.slice(before)).toEqual([]);
  });
});

test('before it is opened, and where nothing listens, the source is not there', async () => {
  const proxy = await faultProxy({ port: 1 });
  await proxy.close();
  const told = new Told();
  const source = new OpenClawSource({ name: 'openclaw', url: `ws://127.0.0.1:${proxy.port}` });
  await expect(source.list()).rejects.toMatchObject({ code: 'SOURCE_DOWN' });
  expect(source.state).toEqual({ kind: 'starting' });
  source.open(told);
  await eventually(() => expect(source.state).toEqual({ kind: 'down', why: expect.stringMatching(/nothing listens/) }));
  expect(told.losses).toHaveLength(1);
  await source.close();
});
