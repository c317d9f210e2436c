import { nextSlot } from '@ops/shared/schedule';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ownRetry } from '../../src/sources/openclaw/decide/own-retry.js';
import { readCronEvent, readTaskEvent } from '../../src/sources/openclaw/decide/read-event.js';
import { readJobs } from '../../src/sources/openclaw/decide/read-jobs.js';
import { readJobsFile } from '../../src/sources/openclaw/decide/read-jobs-file.js';
import { readRun } from '../../src/sources/openclaw/decide/read-run.js';
import { readRunLog } from '../../src/sources/openclaw/decide/read-run-log.js';

const DAILY = { kind: 'cron', expression: '0 8 * * *', time_zone: 'UTC' } as const;
const json = fc.jsonValue({ maxDepth: 4 });
// Nearly right is where mistakes are: each field is left out, right, or anything.
const perhaps = <T>(right: fc.Arbitrary<T>) => fc.option(fc.oneof({ weight: 3, arbitrary: right }, json), { nil: undefined });
const schedule = fc.record({
  kind: perhaps(fc.constantFrom('cron', 'every', 'at', 'stream')),
  expr: perhaps(fc.oneof(fc.constantFrom('0 8 * * *', '*/5 * * * *', '0 0 31 2 *', '60 * * * *', '0 0 L * *'), fc.string())),
  tz: perhaps(fc.constantFrom('UTC', 'Europe/Berlin', 'Nowhere')),
  everyMs: perhaps(fc.double()),
  anchorMs: perhaps(fc.double()),
  atMs: perhaps(fc.double()),
  at: perhaps(fc.constantFrom('2026-11-28T08:00:00Z', 'soon')),
});
const job = fc.record({
  id: perhaps(fc.constantFrom('a', 'b', 'c')),
  name: perhaps(fc.string()),
  enabled: perhaps(fc.boolean()),
  createdAtMs: perhaps(fc.double()),
  declarationKey: perhaps(fc.string()),
  schedule: perhaps(schedule),
  payload: perhaps(fc.record({ kind: perhaps(fc.constantFrom('agentTurn', 'command')), timeoutSeconds: perhaps(fc.double()) })),
  state: perhaps(fc.record({ runningAtMs: perhaps(fc.double()) })),
});
const run = fc.record({
  jobId: perhaps(fc.constantFrom('a', 'b')),
  action: perhaps(fc.constantFrom('started', 'finished', 'added', 'scheduled')),
  status: perhaps(fc.constantFrom('ok', 'error', 'skipped')),
  runAtMs: perhaps(fc.double()),
  durationMs: perhaps(fc.double()),
  summary: perhaps(fc.string()),
  diagnostics: json,
  job: perhaps(fc.record({ state: json, declarationKey: json })),
});

test.each(['legacy', 'modern'] as const)(
  'whatever a %s gateway lists, each row is a job that can be planned, or an issue, or its own',
  (generation) => {
    fc.assert(
      fc.property(fc.array(fc.oneof(job, json), { maxLength: 8 }), (rows) => {
        const { jobs, issues, own, unread } = readJobs(JSON.parse(JSON.stringify(rows)), generation, 'UTC', 'jobs');
        expect(jobs.length + own.length).toBeLessThanOrEqual(rows.length);
        if (jobs.length + own.length < rows.length) expect(issues.length).toBeGreaterThan(0);
        if (issues.length === 0) expect(unread).toEqual([]);
        expect(new Set(jobs.map((one) => one.job.id)).size).toBe(jobs.length);
        for (const { job: one } of jobs) {
          expect(Number.isFinite(one.start_tolerance_ms) && one.start_tolerance_ms >= 0).toBe(true);
          expect(one.timeout_ms === null || Number.isFinite(one.timeout_ms)).toBe(true);
          nextSlot(one.schedule, 1_795_000_000_000);
        }
        for (const { path, value, expected } of issues)
          expect([path, value, expected].every((text) => text !== '' && text.length < 400)).toBe(true);
      }),
      { numRuns: 300 },
    );
  },
);

test('whatever a run, an event or a file is, it is read or said, and nothing is thrown', () => {
  fc.assert(
    fc.property(fc.oneof(run, json), fc.string(), (row, text) => {
      const read = readRun(row, null, 'run');
      if (!('issues' in read)) expect(read.ended_at).toBeGreaterThanOrEqual(read.started_at);
      readCronEvent(row, () => null);
      readTaskEvent(row);
      ownRetry(row, DAILY, 1_795_000_000_000);
      const line = JSON.stringify(row) ?? '';
      readRunLog(`${line}\n${text}\n${line.slice(0, 20)}`, 'a', 'runs.jsonl');
      readJobsFile(text, 'UTC', 'jobs.json');
      readJobsFile(line, 'UTC', 'jobs.json');
    }),
    { numRuns: 500 },
  );
});
