import { expect, test } from 'vitest';
import { parseStat, portInodes, treeLines } from '../../src/decide/process-rows.js';
import { evidenceLines } from '../../src/sources/openclaw/decide/evidence-lines.js';
import { ownRetry } from '../../src/sources/openclaw/decide/own-retry.js';
import { readJobs } from '../../src/sources/openclaw/decide/read-jobs.js';

const MINUTE = 60_000;
const DAY = 86_400_000;
const job = (schedule: object, payload: object = { kind: 'agentTurn' }, more: object = {}) => ({
  id: 'a',
  schedule,
  payload,
  createdAtMs: 7,
  ...more,
});
const cron = (expr: string, more: object = {}) => ({ kind: 'cron', expr, tz: 'UTC', ...more });
const read = (generation: 'legacy' | 'modern', ...rows: object[]) => readJobs(rows, generation, 'UTC', 'jobs').jobs[0]?.job;

test.each([
  ['every hour is spread over five minutes', cron('0 * * * *'), 5 * MINUTE + 125_000],
  ['every second hour too', cron('0 */2 * * *'), 5 * MINUTE + 125_000],
  ['with seconds too', cron('0 0 * * * *'), 5 * MINUTE + 125_000],
  ['unless the job says that it is not', cron('0 * * * *', { staggerMs: 0 }), 125_000],
  ['or by how much', cron('0 8 * * *', { staggerMs: 9000 }), 134_000],
  ['one hour is not spread', cron('0 8 * * *'), 125_000],
  ['every ten minutes neither', cron('*/10 * * * *'), 125_000],
  ['an interval is counted from the last run', { kind: 'every', everyMs: 10 * MINUTE, anchorMs: 0 }, 10 * MINUTE + 125_000],
  ['what has no slots is never late', { kind: 'stream' }, 0],
])('how late a modern gateway may begin: %s', (_what, schedule, expected) => {
  expect(read('modern', job(schedule))?.start_tolerance_ms).toBe(expected);
});

test('of a row that cannot be read its id is said, where that can be read', () => {
  const unread = (...rows: object[]) => readJobs(rows, 'modern', 'UTC', 'jobs').unread;
  const [good, badPlan] = [job(cron('0 8 * * *')), job(cron('61 * * * *'), undefined, { id: 'b' })];
  expect(unread(good, good)).toEqual([]);
  expect(unread(good, badPlan, { id: 'c', schedule: {} })).toEqual(['b', 'c']);
  expect(unread(good, badPlan, { id: 7 })).toBe('unknown');
});

test('the catch-up of a modern gateway grows with its jobs that are on, ten minutes at most', () => {
  const rows = (count: number) =>
    Array.from({ length: count }, (_, id) => job(cron('0 8 * * *'), undefined, { id: `j${id}`, enabled: id < 90 }));
  expect(read('modern', ...rows(20))?.start_tolerance_ms).toBe(220_000);
  expect(read('modern', ...rows(90))?.start_tolerance_ms).toBe(570_000);
  expect(read('modern', ...rows(200))?.start_tolerance_ms).toBe(570_000);
});

test('on a legacy gateway all other jobs may be before one, half an hour at most', () => {
  const other = (id: string, timeoutSeconds: number, more: object = {}) =>
    job(cron('0 8 * * *'), { kind: 'agentTurn', timeoutSeconds }, { id, ...more });
  expect(read('legacy', job(cron('0 * * * *')))?.start_tolerance_ms).toBe(0);
  expect(
    read('legacy', job(cron('0 * * * *')), other('b', 60), other('c', 30), other('d', 500, { enabled: false }))
      ?.start_tolerance_ms,
  ).toBe(90_000);
  expect(read('legacy', job(cron('0 * * * *')), other('b', 9000))?.start_tolerance_ms).toBe(30 * MINUTE);
  expect(read('legacy', job({ kind: 'every', everyMs: MINUTE, anchorMs: 5 }))?.start_tolerance_ms).toBe(0);
  expect(read('legacy', job({ kind: 'every', everyMs: MINUTE }))).toMatchObject({
    start_tolerance_ms: MINUTE,
    schedule: { anchor_ms: 7 },
  });
});

test.each([
  ['legacy', { kind: 'agentTurn' }, 600_000],
  ['modern', { kind: 'agentTurn' }, 3_600_000],
  ['modern', { kind: 'command' }, 600_000],
  ['modern', { kind: 'script' }, 300_000],
  ['modern', { kind: 'agentTurn', timeoutSeconds: 0 }, null],
  ['modern', { kind: 'command', timeoutSeconds: 33 }, 33_000],
  ['legacy', { kind: 'systemEvent', text: 'hello' }, null],
] as const)('the limit of a run: %s %j', (generation, payload, expected) => {
  expect(read(generation, job(cron('0 8 * * *'), payload))?.timeout_ms).toBe(expected);
});

const daily = { kind: 'cron', expression: '0 8 * * *', time_zone: 'UTC' } as const;
const failed = (errors: number, next: number, more: object = {}) => ({
  enabled: true,
  state: { nextRunAtMs: next, consecutiveErrors: errors, lastRunAtMs: DAY, lastDurationMs: 1000, ...more },
});
test.each([
  ['the first failure, half a minute later', failed(1, DAY + 31_000), DAY + 31_000],
  ['the third, five minutes later', failed(3, DAY + 301_000), DAY + 301_000],
  ['the fourth waits for its slot', failed(4, DAY + 301_000), undefined],
  ['no failure', failed(0, DAY + 31_000), undefined],
  ['a failure that does not pass waits for the next slot', failed(1, DAY + 8 * 3_600_000), undefined],
  ['a slot of another zone is no retry', failed(1, DAY + 7 * 3_600_000), undefined],
  ['a job that is off', { ...failed(1, DAY + 31_000), enabled: false }, undefined],
  ['an answer of another form', { state: 'well' }, undefined],
])('its own retry: %s', (_what, row, expected) => {
  expect(ownRetry(row, daily, DAY + 1500)).toBe(expected);
});

test('an interval counts from the last run: what follows it is no retry', () => {
  const every = { kind: 'every', every_ms: 20_000, anchor_ms: 0 } as const;
  expect(ownRetry(failed(1, DAY + 20_000), every, DAY + 1500)).toBeUndefined();
});

test('a one-time job that failed is tried again', () => {
  expect(ownRetry(failed(1, DAY + 31_000), { kind: 'at', at_ms: DAY }, DAY + 1500)).toBe(DAY + 31_000);
});

test('processes are told by name, pid, CPU and memory', () => {
  const row = (pid: number, parent: number, name: string) =>
    parseStat(`${pid} (${name}) S ${parent} 1 1 0 -1 4 0 0 0 0 150 50 0 0 20 0 1 0 100 1000 2560 0 0`);
  const rows = [row(10, 1, 'openclaw gatew'), row(11, 10, 'sh) (x'), row(12, 11, 'curl'), row(13, 1, 'other')].filter(
    (one) => one !== undefined,
  );
  expect(treeLines(rows, 10)).toEqual([
    'openclaw gatew (pid 10): 2.0 s of CPU, 10 MB',
    '  sh) (x (pid 11): 2.0 s of CPU, 10 MB',
    '    curl (pid 12): 2.0 s of CPU, 10 MB',
  ]);
  expect(parseStat('nonsense')).toBeUndefined();
});

test('the socket that listens on a port is found, and no other', () => {
  const line = (local: string, state: string, inode: number) =>
    `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0`;
  const table = [
    '  sl  local_address rem_address',
    line('0100007F:4965', '0A', 77),
    line('0100007F:4965', '01', 78),
    line('0100007F:0050', '0A', 79),
  ].join('\n');
  expect(portInodes(table, 0x4965)).toEqual(['77']);
});

test('of the log, the lines of the job and the last ones are kept, in order', () => {
  const noise = Array.from({ length: 30 }, (_, index) => `noise ${index}`);
  const line = JSON.stringify({
    0: '{"subsystem":"cron"}',
    1: { jobId: 'a-job' },
    time: 'T',
    message: 'cron: job added',
    _meta: { logLevelName: 'INFO' },
  });
  const lines = evidenceLines(
    [line, ...noise, 'x'.repeat(2000)],
    { state: { lastError: 'exit 3', lastDiagnostics: 'none' } },
    'a-job',
  );
  expect(lines).toHaveLength(12);
  expect(lines[0]).toBe('T INFO cron: job added {"jobId":"a-job"}');
  expect(lines[1]).toBe('noise 21');
  expect(lines[10]).toHaveLength(501);
  expect(lines[11]).toBe('last run, error: exit 3');
});
