import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cronSupervisor } from '@ops/cron-supervisor';
import { identify } from '@ops/shared/embedded';
import { eventually, type Recorder, recorder, type TestHost, testHost } from '@ops/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '..', 'dist', 'main.js');
const YAML = `inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }
cron:
  overrun: { kill_grace: 2s }
  jobs: [{ id: copy }, { id: slow, expected: 700ms }, { id: deaf, expected: 700ms }, { id: long }, { id: unread }, { id: parent }]`;

let host: TestHost;
let seen: Recorder;
// It is told again for 10 s, while the others run.
let nobody: Promise<{ code: number; out: string; err: string }>;
const standIns: Server[] = [];
beforeAll(async () => {
  host = await testHost([cronSupervisor], { yaml: YAML });
  seen = await recorder(host.redisUrl, ['ops:cron']);
  nobody = ops(['cron', 'exec', 'nobody', '--', 'echo', 'it ran']);
});
afterAll(async () => {
  for (const server of standIns) server.close().closeAllConnections();
  await seen.close();
  await host.close();
});

function begin(words: readonly string[], url = host.hosted.address) {
  const { PATH, HOME, TMPDIR, OPS_TEST_RUN } = process.env;
  const env = { PATH, HOME, TMPDIR, OPS_TEST_RUN, OPS_URL: url, OPS_TOKEN: host.token };
  const child = spawn(process.execPath, [MAIN, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (data) => {
    said.out += String(data);
  });
  child.stderr.setEncoding('utf8').on('data', (data) => {
    said.err += String(data);
  });
  return { child, said, closed: once(child, 'close') as Promise<[number]> };
}

async function ops(words: readonly string[], url?: string): Promise<{ code: number; out: string; err: string }> {
  const { said, closed } = begin(words, url);
  const [code] = await closed;
  return { code, ...said };
}

const exec = (job: string, script: string) => ['cron', 'exec', job, '--', 'sh', '-c', script];

/** A file that is not there yet, and what a shell says to wait for it. */
const newFile = () => join(mkdtempSync(join(tmpdir(), 'ops-exec-')), 'file');
const until = (file: string) => `until [ -e ${file} ]; do sleep 0.05; done`;

interface Told {
  readonly path: string;
  readonly run: string | null;
  readonly body: string;
}

/** A supervisor that answers as it is told to. */
async function standIn(statusOf: (told: Told, before: number) => number) {
  const told: Told[] = [];
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://here');
    let body = '';
    for await (const data of request.setEncoding('utf8')) body += data;
    const one = { path: pathname, run: searchParams.get('run'), body };
    const status = statusOf(one, told.filter(({ path }) => path === pathname).length);
    told.push(one);
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(JSON.stringify({ run_id: null, message: `no ${status}` }));
  });
  standIns.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { told, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const ended = (job: string) =>
  seen.events.flatMap(({ event }) =>
    (event?.type === 'cron.run-failed' || event?.type === 'cron.run-succeeded') && event.subject === `heartbeat/${job}`
      ? [event.data as Record<string, unknown>]
      : [],
  );

test('a job under `ops cron exec` runs as it would have, and its start, end, exit code and output are known', async () => {
  // Characters are whole, wherever their bytes were parted.
  const script = `echo 12 tables; printf '\\346\\261'; sleep 0.2; echo careful >&2; sleep 0.2; printf '\\211\\n'; exit 0`;
  const [done, failed, absent, notOne] = await Promise.all([
    ops(exec('copy', script)),
    ops(exec('copy', 'echo no space; exit 9')),
    ops(['cron', 'exec', 'copy', '--', 'no-such-program']),
    ops(['cron', 'exec', 'copy', '--', `${MAIN}/no-folder`]),
  ]);
  expect(done).toMatchObject({ code: 0, out: '12 tables\n汉\n', err: 'careful\n' });
  expect(failed).toMatchObject({ code: 9, out: 'no space\n' });
  expect([absent.code, notOne.code]).toEqual([127, 126]);
  await eventually(() => expect(ended('copy')).toHaveLength(4));
  expect(ended('copy').map(({ code }) => code)).toEqual(expect.arrayContaining(['ok', 'exit-code']));
  const outputs = ended('copy').map(({ output }) => String(output));
  expect(outputs.find((output) => output.includes('12 tables'))).toMatch(/汉\n/);
});

test.concurrent('one that runs too long is ended, gently; one that does not listen, hard', async () => {
  const [slow, deaf] = await Promise.all([
    ops(['cron', 'exec', 'slow', '--', 'sh', '-c', 'echo begun; sleep 60']),
    ops(['cron', 'exec', 'deaf', '--', 'sh', '-c', 'trap "" TERM; echo begun; sleep 60']),
  ]);
  expect([slow.code, deaf.code]).toEqual([143, 137]);
  expect(slow.err).toContain('ended by the supervisor: `ops cron list slow` says why');
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

test.concurrent('what a command leaves behind does not keep it from ending, and a signal reaches it', async () => {
  const script = 'sleep 30 & echo $$ $!; exit 4';
  const since = performance.now();
  const [left, signalled] = [begin(exec('parent', script)), begin(exec('parent', script))];
  const pidsOf = ({ said }: typeof left) =>
    eventually(() => {
      expect(said.out).toMatch(/^\d+ \d+\n$/);
      return said.out.split(' ').map(Number) as [number, number];
    });
  const reached = async () => {
    const [shell, behind] = await pidsOf(signalled);
    await eventually(() => expect(identify(shell)).toBeUndefined());
    signalled.child.kill('SIGTERM');
    await eventually(() => expect(identify(behind)).toBeUndefined(), { within: 5000 });
  };
  const [[, behind]] = await Promise.all([pidsOf(left), reached()]);
  try {
    expect(await left.closed).toEqual([4, null]);
    expect(await signalled.closed).toEqual([4, null]);
    expect(performance.now() - since).toBeLessThan(15_000);
    expect(identify(behind)).toBeDefined();
  } finally {
    process.kill(behind, 'SIGKILL');
  }
});

test('of a long output its end is told, of whole characters', async () => {
  const script = (first: string) => `printf ${first}; yes 汉 | tr -d '\\n' | head -c 120000; echo the end`;
  const [told, refusing] = await Promise.all([
    ops(exec('long', script('a'))),
    (async () => {
      const { url, told } = await standIn(({ body }) => (body === '' ? 200 : 413));
      return { ...(await ops(exec('long', script('ab')), url)), told };
    })(),
  ]);
  expect(told).toMatchObject({ code: 0, err: '' });
  expect(Buffer.byteLength(told.out)).toBe(120_000 + 9);
  await eventually(() => expect(ended('long')).toMatchObject([{ code: 'ok' }]));
  expect(String(ended('long')[0]?.output)).toMatch(/汉the end\n?$/);
  // One that does not take it all the same is told without it.
  expect(refusing).toMatchObject({ code: 0, err: expect.stringContaining('does not take so much output') });
  const [first, second, ...more] = refusing.told.filter(({ path }) => path === '/ping/long/0');
  expect(first?.body).toMatch(/^汉+the end\n$/);
  expect(Buffer.byteLength(first?.body ?? '')).toBeGreaterThan(59_990);
  expect(Buffer.byteLength(first?.body ?? '')).toBeLessThanOrEqual(60_000);
  expect([second?.body, more]).toEqual(['', []]);
});

test.concurrent('a supervisor that does not know the job yet, or does not answer, is told again, of the same run', async () => {
  const known = newFile();
  const { url, told } = await standIn(({ path }, before) => {
    if (before < 2) return path.endsWith('/start') ? 500 : 404;
    if (path.endsWith('/start')) writeFileSync(known, '');
    return 200;
  });
  const late = await ops(exec('back-soon', `${until(known)}; exit 5`), url);
  expect(late).toMatchObject({ code: 5, err: '' });
  expect(told.map(({ path }) => path)).toEqual([
    ...['start', 'start', 'start'].map((word) => `/ping/back-soon/${word}`),
    ...[5, 5, 5].map((code) => `/ping/back-soon/${code}`),
  ]);
  expect(new Set(told.map(({ run }) => run)).size).toBe(1);
});

test.concurrent('where nobody reads any more it goes on, and its end is told', async () => {
  const go = newFile();
  const { child, said, closed } = begin(exec('unread', `echo begun; ${until(go)}; seq 1 90000; seq 1 90000 >&2; exit 7`));
  await eventually(() => expect(said.out).toBe('begun\n'));
  child.stdout.destroy();
  child.stderr.destroy();
  writeFileSync(go, '');
  expect(await closed).toEqual([7, null]);
  await eventually(() => expect(ended('unread')).toMatchObject([{ code: 'exit-code' }]));
  expect(String(ended('unread')[0]?.output)).toContain('90000');
});

test('the list, the runs and one job as people see them', async () => {
  const [listed, runs, slow, data, nothing, wrong] = await Promise.all([
    ops(['cron', 'list']),
    ops(['cron', 'runs', 'copy']),
    ops(['cron', 'list', 'heartbeat/slow']),
    ops(['cron', 'list', '--json']),
    ops(['cron', 'list', 'nothing']),
    ops(['cron', 'add', 'x', '--schedule', '61 * * * *']),
    (async () => {
      const added = await ops(['cron', 'add', 'fresh', '--schedule', 'every 1h', '--expected', '5m']);
      expect(added.out).toContain('POST /ping/fresh');
      expect((await ops(['cron', 'remove', 'fresh'])).code).toBe(0);
    })(),
  ]);
  expect(listed.out.split('\n')[0]).toMatch(/JOB\s+STATE\s+LAST 10/);
  expect(listed.out).toContain('heartbeat/copy');
  expect(runs.out).toContain('no space');
  expect(slow.out).toMatch(/ended after \d s/);
  const jobs = JSON.parse(data.out) as { job_id: string }[];
  expect(jobs.map(({ job_id }) => job_id)).toEqual(
    expect.arrayContaining(['heartbeat/copy', 'heartbeat/deaf', 'heartbeat/slow', 'ops/weekly-review']),
  );
  expect(nothing).toMatchObject({ code: 3 });
  expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('body.schedule') });
});

test('nobody who listens, or a job that nobody knows, does not keep the command from running', async () => {
  expect(await nobody).toMatchObject({ code: 0, out: 'it ran\n', err: expect.stringContaining('no heartbeat job nobody') });
});
