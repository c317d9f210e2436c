import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@ops/shared/runtime';
import { freePort } from '@ops/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OpenClawSource } from '../../src/sources/openclaw/openclaw-source.js';
import { Told } from './told.js';

const NINE = join(import.meta.dirname, 'nine-jobs.json');
const text = readFileSync(NINE, 'utf8');
const DIGEST = '0b1c4c6e-7a10-4d0e-9b7e-000000000001';

let state: string;
let file: string;
let source: OpenClawSource;
let told: Told;
beforeEach(async () => {
  state = mkdtempSync(join(tmpdir(), 'openclaw-state-'));
  mkdirSync(join(state, 'cron', 'runs'), { recursive: true });
  file = join(state, 'cron', 'jobs.json');
  cpSync(NINE, file);
  told = new Told();
  // Nothing listens there: the gateway is down.
  const url = `ws://127.0.0.1:${await freePort()}`;
  source = new OpenClawSource({ name: 'openclaw', url, state_dir: state, time_zone: 'Europe/Paris' }, systemClock);
  source.open(told);
});
afterEach(async () => {
  await source.close();
  rmSync(state, { recursive: true });
});

const changed = (change: (jobs: Record<string, unknown>[]) => void): string => {
  const content = JSON.parse(text) as { jobs: Record<string, unknown>[] };
  change(content.jobs);
  return JSON.stringify(content);
};
const named = async (name: string) => (await source.list()).jobs.find((job) => job.name === name);

const line = (at: number, more: object = {}) =>
  JSON.stringify({
    ts: at + 450,
    jobId: DIGEST,
    action: 'finished',
    status: 'ok',
    summary: 'done',
    runAtMs: at,
    durationMs: 450,
    ...more,
  });
const log = (...lines: string[]) => writeFileSync(join(state, 'cron', 'runs', `${DIGEST}.jsonl`), lines.join('\n'));

test('nine jobs are read while the gateway is down', async () => {
  const { jobs, issues, from } = await source.list();
  expect(from).toBe('files');
  expect(issues).toEqual([]);
  expect(jobs).toHaveLength(9);
  expect(jobs.filter((job) => !job.enabled).map((job) => job.name)).toEqual(['old-crawler']);
  expect(jobs[0]).toMatchObject({
    id: DIGEST,
    name: 'daily-digest',
    purpose: 'Morning digest of revenue, churn and support for the owner',
    agent: 'analyst',
    schedule: { kind: 'cron', expression: '0 8 * * *', time_zone: 'Europe/Berlin' },
    timeout_ms: 600_000,
    may_be_empty: false,
    // Seven others are before it at most: half an hour is the most that is waited for.
    start_tolerance_ms: 1_800_000,
  });
  expect(await named('content-drafts')).toMatchObject({ schedule: { time_zone: 'Europe/Paris' } });
  expect(await named('inbox-triage')).toMatchObject({
    schedule: { kind: 'every', every_ms: 900_000, anchor_ms: 1_795_000_000_000 },
  });
  expect(await named('price-watch')).toMatchObject({
    schedule: { kind: 'every', anchor_ms: 1_795_000_006_000 },
    timeout_ms: 300_000,
    start_tolerance_ms: 3_600_000 + 1_800_000,
  });
  expect(await named('launch-mail')).toMatchObject({ schedule: { kind: 'at', at_ms: 1_795_000_000_000 + 30 * 86_400_000 } });
  expect(await named('heartbeat-note')).toMatchObject({ may_be_empty: true, timeout_ms: null });
});

test('a jobs.json that is cut in half is replaced by its backup, and that is said', async () => {
  writeFileSync(file, text.slice(0, text.length / 2));
  writeFileSync(
    `${file}.bak`,
    changed((jobs) => jobs.pop()),
  );
  const { jobs, issues } = await source.list();
  expect(jobs).toHaveLength(8);
  expect(issues).toEqual([
    { path: file, value: expect.stringMatching(/characters/), expected: expect.stringMatching(/cut off/) },
  ]);
});

test('where the backup is broken too, the last jobs are kept', async () => {
  expect((await source.list()).jobs).toHaveLength(9);
  writeFileSync(file, text.slice(0, -30));
  writeFileSync(`${file}.bak`, '');
  for (let again = 0; again < 2; again += 1) {
    const { jobs, issues } = await source.list();
    expect(jobs).toHaveLength(9);
    expect(issues.map((issue) => issue.path)).toEqual([file]);
  }
});

test('a file that is rewritten while it is read is whole a moment later', async () => {
  writeFileSync(file, text.slice(0, 100));
  const listing = source.list();
  setTimeout(() => writeFileSync(file, text), 60);
  expect(await listing).toMatchObject({ issues: [], from: 'files' });
});

test('without any file that can be read, the source is down', async () => {
  rmSync(file);
  await expect(source.list()).rejects.toMatchObject({ code: 'SOURCE_DOWN' });
});

test('files that an earlier version has left are not read: the gateway has a database now', async () => {
  log(line(1000));
  mkdirSync(join(state, 'state'));
  writeFileSync(join(state, 'state', 'openclaw.sqlite'), '');
  await expect(source.list()).rejects.toMatchObject({ code: 'SOURCE_DOWN' });
  await expect(source.history(DIGEST, 0)).rejects.toMatchObject({ code: 'SOURCE_DOWN' });
});

test('a version that is not known is not guessed at', async () => {
  writeFileSync(file, text.replace('"version": 1', '"version": 7'));
  writeFileSync(`${file}.bak`, text);
  const { jobs, issues } = await source.list();
  expect(jobs).toHaveLength(9);
  expect(issues).toEqual([{ path: `${file}: version`, value: '7', expected: 'one of 1' }]);
});

test.each([
  ['an id that another job has', 1, { id: DIGEST }, 'id', /no other job/],
  ['a cron expression that is none', 3, { schedule: { kind: 'cron', expr: '0 25 * * *' } }, 'schedule.expr', /cron expression/],
  ['too few fields', 3, { schedule: { kind: 'cron', expr: '0 8' } }, 'schedule.expr', /5 fields/],
  ['an unknown zone', 3, { schedule: { kind: 'cron', expr: '0 8 * * *', tz: 'Mars/Base' } }, 'schedule.tz', /IANA/],
  ['an interval of nothing', 3, { schedule: { kind: 'every', everyMs: 0 } }, 'schedule.everyMs', /at least/],
  ['a time that is none', 3, { schedule: { kind: 'at', at: 'tomorrow' } }, 'schedule.at', /time/],
  ['no payload', 3, { payload: undefined }, 'payload', /object/],
  ['a name that is a number', 3, { name: 5 }, 'name', /string/],
])('a job with %s is an issue, and the others are listed', async (_what, at, change, field, expected) => {
  writeFileSync(
    file,
    changed((jobs) => Object.assign(jobs[at] ?? {}, change)),
  );
  const { jobs, issues } = await source.list();
  expect(jobs).toHaveLength(8);
  expect(issues).toEqual([
    { path: `${file}: jobs[${at}].${field}`, value: expect.any(String), expected: expect.stringMatching(expected) },
  ]);
});

test('rows that are no jobs at all are issues, and the others are listed', async () => {
  writeFileSync(
    file,
    JSON.stringify({ version: 1, jobs: [null, 5, 'job', [], ...(JSON.parse(text) as { jobs: object[] }).jobs] }),
  );
  const { jobs, issues } = await source.list();
  expect(jobs).toHaveLength(9);
  expect(issues.map((issue) => issue.path)).toEqual([0, 1, 2, 3].flatMap((row) => expect.stringContaining(`jobs[${row}]`)));
});

test('fields of a later version do no harm', async () => {
  writeFileSync(
    file,
    changed((jobs) => {
      for (const job of jobs) Object.assign(job, { delivery: { mode: 'announce' }, failureAlert: false, later: [1, 2] });
    }),
  );
  expect(await source.list()).toMatchObject({ jobs: { length: 9 }, issues: [] });
});

test('runs are read while the gateway is down; a last line that is being written is left out', async () => {
  log(line(1000), line(3000, { status: 'error', error: 'No API key found' }), line(2000), line(4000).slice(0, 40));
  expect(await source.history(DIGEST, 2000)).toEqual([
    expect.objectContaining({ job: DIGEST, started_at: 2000, ended_at: 2450, word: 'ok', output: 'done', completion: null }),
    expect.objectContaining({ started_at: 3000, word: 'error', error: 'No API key found' }),
  ]);
  expect(told.issues).toEqual([]);
});

test('any other line that cannot be read is told, and the others are read', async () => {
  log(line(1000), line(2000).slice(0, 40), '{"status":"ok"}', line(3000), '');
  expect((await source.history(DIGEST, 0)).map((run) => run.started_at)).toEqual([1000, 3000]);
  expect(told.issues.map(({ path }) => path)).toEqual([
    expect.stringMatching(/jsonl: line 2$/),
    expect.stringMatching(/line 3/),
    expect.stringMatching(/line 3/),
  ]);
});

test('a job without a log, or with an id that is a path, has no runs to tell', async () => {
  await expect(source.history('other', 0)).rejects.toMatchObject({ code: 'SOURCE_DOWN' });
  await expect(source.history('../jobs', 0)).rejects.toMatchObject({ code: 'SOURCE_DOWN' });
});
