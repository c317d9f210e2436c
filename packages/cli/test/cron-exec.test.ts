import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { cronSupervisor } from '@ops/cron-supervisor';
import { eventually, type Recorder, recorder, type TestHost, testHost } from '@ops/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '..', 'dist', 'main.js');
const YAML = `inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }
cron:
  overrun: { kill_grace: 600ms }
  jobs: [{ id: copy }, { id: slow, expected: 700ms }, { id: deaf, expected: 700ms }]`;

let host: TestHost;
let seen: Recorder;
beforeAll(async () => {
  host = await testHost([cronSupervisor], { yaml: YAML });
  seen = await recorder(host.redisUrl, ['ops:cron']);
});
afterAll(async () => {
  await seen.close();
  await host.close();
});

async function ops(words: readonly string[], url = host.hosted.address): Promise<{ code: number; out: string; err: string }> {
  const { PATH, HOME, TMPDIR, OPS_TEST_RUN } = process.env;
  const env = { PATH, HOME, TMPDIR, OPS_TEST_RUN, OPS_URL: url, OPS_TOKEN: host.token };
  const child = spawn(process.execPath, [MAIN, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => {
    out += String(data);
  });
  child.stderr.on('data', (data) => {
    err += String(data);
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, err };
}

const ended = (job: string) =>
  seen.events.flatMap(({ event }) =>
    (event?.type === 'cron.run-failed' || event?.type === 'cron.run-succeeded') && event.subject === `heartbeat/${job}`
      ? [event.data as Record<string, unknown>]
      : [],
  );

test('a job under `ops cron exec` runs as it would have, and its start, end, exit code and output are known', async () => {
  const done = await ops(['cron', 'exec', 'copy', '--', 'sh', '-c', 'echo 12 tables; echo careful >&2; exit 0']);
  expect(done).toMatchObject({ code: 0, out: '12 tables\n', err: 'careful\n' });
  const failed = await ops(['cron', 'exec', 'copy', '--', 'sh', '-c', 'echo no space; exit 9']);
  expect(failed).toMatchObject({ code: 9, out: 'no space\n' });
  expect((await ops(['cron', 'exec', 'copy', '--', 'no-such-program'])).code).toBe(127);
  await eventually(() => expect(ended('copy')).toHaveLength(3));
  expect(ended('copy').map(({ code }) => code)).toEqual(['ok', 'exit-code', 'exit-code']);
  expect(String(ended('copy')[0]?.output)).toContain('12 tables');
});

test('one that runs too long is ended, gently; one that does not listen, hard', async () => {
  const [slow, deaf] = await Promise.all([
    ops(['cron', 'exec', 'slow', '--', 'sh', '-c', 'echo begun; sleep 60']),
    ops(['cron', 'exec', 'deaf', '--', 'sh', '-c', 'trap "" TERM; echo begun; sleep 60']),
  ]);
  expect([slow.code, deaf.code]).toEqual([143, 137]);
  expect(slow.err).toContain('ended by the supervisor: supervisor: exceeded 2x expected');
  await eventually(() => expect([...ended('slow'), ...ended('deaf')].map(({ code }) => code)).toEqual(['killed', 'killed']));
  const killed = () =>
    seen.events.flatMap(({ event }) =>
      event?.type === 'cron.run-killed' ? [event.data as { outcome: string; how: string }] : [],
    );
  await eventually(() => expect(killed().map(({ outcome }) => outcome)).toEqual(['ended', 'ended']));
  expect(
    killed()
      .map(({ how }) => how)
      .join(),
  ).toContain('SIGKILL');
});

test('nobody who listens, or a job that nobody knows, does not keep the command from running', async () => {
  const unknown = await ops(['cron', 'exec', 'nobody', '--', 'echo', 'it ran']);
  expect(unknown).toMatchObject({ code: 0, out: 'it ran\n', err: expect.stringContaining('no heartbeat job nobody') });
});

test('the list, the runs and one job as people see them', async () => {
  const listed = await ops(['cron', 'list']);
  expect(listed.out.split('\n')[0]).toMatch(/JOB\s+STATE\s+LAST 10/);
  expect(listed.out).toContain('heartbeat/copy');
  expect((await ops(['cron', 'runs', 'copy'])).out).toContain('no space');
  expect((await ops(['cron', 'list', 'heartbeat/slow'])).out).toContain('ended after 1 s');
  const jobs = JSON.parse((await ops(['cron', 'list', '--json'])).out) as { job_id: string }[];
  expect(jobs.map(({ job_id }) => job_id)).toEqual(
    expect.arrayContaining(['heartbeat/copy', 'heartbeat/deaf', 'heartbeat/slow', 'ops/weekly-review']),
  );
  expect(await ops(['cron', 'list', 'nothing'])).toMatchObject({ code: 3 });
  expect(await ops(['cron', 'add', 'x', '--schedule', '61 * * * *'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('body.schedule'),
  });
  expect((await ops(['cron', 'add', 'fresh', '--schedule', 'every 1h', '--expected', '5m'])).out).toContain('POST /ping/fresh');
  expect((await ops(['cron', 'remove', 'fresh'])).code).toBe(0);
});
