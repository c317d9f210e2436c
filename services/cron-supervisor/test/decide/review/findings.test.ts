import { describe, expect, test } from 'vitest';
import { failureFinding } from '../../../src/decide/review/failure-findings.js';
import type { JobHistory, ReviewedRun, ReviewWindow } from '../../../src/decide/review/history.js';
import { missedFinding } from '../../../src/decide/review/missed-findings.js';
import { runtimeChange } from '../../../src/decide/review/runtime-change.js';
import { runtimeFinding } from '../../../src/decide/review/runtime-findings.js';
import { silentFinding } from '../../../src/decide/review/silent-findings.js';

const DAY = 86_400_000;
const TO = Date.UTC(2026, 10, 30, 6);
const window: ReviewWindow = { trend_from: TO - 84 * DAY, from: TO - 28 * DAY, to: TO };
const job: JobHistory = {
  job_id: 'openclaw/digest',
  name: 'digest',
  source: 'openclaw',
  schedule: { kind: 'cron', expression: '0 5 * * *', time_zone: 'UTC' },
  policy: { expected_ms: 60_000, expected_from: 'learned', kill: true, class: 'non-revenue' },
  timeout_ms: null,
  runs: [],
  missed: [],
};

/** A run so many days ago. */
function run(daysAgo: number, change: Partial<ReviewedRun> = {}): ReviewedRun {
  const started_at = TO - daysAgo * DAY - 3_600_000;
  return {
    started_at,
    slot: started_at,
    duration_ms: 60_000,
    verdict: 'succeeded',
    code: 'ok',
    output_length: 1000,
    word: 'ok',
    trigger: 'schedule',
    ...change,
  };
}
const FAILED = { verdict: 'failed', code: 'gateway-error', word: 'error' } as const;

/** One run a day, oldest first; `change` says what is different of the run so many days ago. */
function daily(days: number, change: (daysAgo: number) => Partial<ReviewedRun> = () => ({})): ReviewedRun[] {
  return Array.from({ length: days }, (_, index) => run(days - 1 - index, change(days - 1 - index)));
}

describe('failures now and then', () => {
  const on = (...days: number[]) =>
    failureFinding({ ...job, runs: daily(28, (ago) => (days.includes(ago) ? FAILED : {})) }, window);

  test.each([
    ['none', [], false],
    ['a single one', [9], false],
    ['two', [4, 20], false],
    ['three, weeks apart', [2, 11, 20], true],
    ['three in one bad week', [10, 12, 14], false],
    ['a job that is down', [0, 1, 2, 3, 4, 5, 6, 7], false],
    ['one long outage', [10, 11, 12, 13, 14, 15], false],
    ['now and then, and down now', [0, 1, 2, 8, 14, 22], true],
  ])('%s', (_name, days, found) => {
    expect(on(...days) !== undefined).toBe(found);
  });

  test('says how often, on how many days, and why', () => {
    expect(on(2, 11, 20)).toMatchObject({
      kind: 'intermittent-failures',
      text: 'fails now and then and recovers: 3 of 28 runs (11 %), 3 times on 3 days; most often gateway-error (3)',
      facts: { failed: 3, runs: 28, episodes: 3, days: 3 },
    });
  });

  test('a retry that is good is a recovery', () => {
    const runs = [...daily(28, (ago) => ([3, 13, 23].includes(ago) ? FAILED : {})), run(2.9, { trigger: 'retry' })].sort(
      (a, b) => a.started_at - b.started_at,
    );
    expect(failureFinding({ ...job, runs }, window)?.facts).toMatchObject({ episodes: 3, retried: 1 });
  });

  test('of many runs a few are nothing, however many weeks', () => {
    const runs = Array.from({ length: 28 * 96 }, (_, index) =>
      run((28 * 96 - 1 - index) / 96, [100, 900, 1700, 2400].includes(index) ? FAILED : {}),
    );
    expect(failureFinding({ ...job, runs }, window)).toBeUndefined();
  });

  test('older ones are old news', () => {
    const runs = daily(80, (ago) => ([30, 40, 50, 60].includes(ago) ? FAILED : {}));
    expect(failureFinding({ ...job, runs }, window)).toBeUndefined();
  });
});

describe('missed slots', () => {
  const missed = (count: number, unseen: boolean) =>
    Array.from({ length: count }, (_, index) => ({ slot: TO - (index + 1) * DAY, unseen }));

  test.each([
    ['one', missed(1, false), daily(27), undefined],
    ['two of many', missed(2, false), daily(80), 'missed 2 of 30 slots (7 %)'],
    ['three', missed(3, false), daily(25), 'missed 3 of 28 slots (11 %), 3 of them from 06:00 to 06:59 UTC'],
    ['twenty while we were away', missed(20, true), daily(8), undefined],
  ])('%s', (_name, slots, runs, text) => {
    expect(missedFinding({ ...job, runs, missed: slots }, window)?.text).toBe(text);
  });

  test('those before the window do not count', () => {
    const slots = [40, 50, 60].map((ago) => ({ slot: TO - ago * DAY, unseen: false }));
    expect(missedFinding({ ...job, runs: daily(80), missed: slots }, window)).toBeUndefined();
  });
});

describe('silent successes', () => {
  const of = (runs: readonly ReviewedRun[]) => silentFinding({ ...job, runs }, window);

  test('one run that is called ok and was judged as failed is enough', () => {
    const found = of(daily(28, (ago) => (ago === 4 ? { verdict: 'failed', code: 'empty-output', word: 'ok' } : {})));
    expect(found).toMatchObject({ kind: 'silent-successes', text: '1 run called ok and judged as failed (empty-output)' });
  });

  test('a failure that its source admits is none', () => {
    expect(of(daily(28, (ago) => (ago < 5 ? FAILED : {})))).toBeUndefined();
  });

  test('an output that is suddenly far shorter', () => {
    const found = of(daily(80, (ago) => (ago < 4 ? { output_length: 40 } : {})));
    expect(found?.text).toBe('4 good runs with an output under a tenth of the usual 1000 characters');
  });

  test('a new job is compared with its own beginning', () => {
    expect(of(daily(24, (ago) => (ago < 4 ? { output_length: 0 } : {})))?.facts).toMatchObject({ short: 4 });
  });

  test.each([
    ['always short now and then', (ago: number) => (ago % 5 === 0 ? { output_length: 30 } : {})],
    ['two short ones', (ago: number) => (ago < 2 ? { output_length: 30 } : {})],
    ['short anyway', (ago: number) => ({ output_length: ago < 5 ? 0 : 100 })],
    ['no output is told', () => ({ output_length: null })],
  ])('%s: nothing', (_name, change) => {
    expect(of(daily(80, change))).toBeUndefined();
  });
});

describe('runtimes', () => {
  const jitter = (ago: number) => 1 + 0.02 * Math.sin(ago * 7.3);
  const found = (durations: (ago: number) => number, days = 84) => {
    const runs = daily(days, (ago) => ({ duration_ms: durations(ago) * jitter(ago) }));
    return runtimeFinding(job, runtimeChange({ runs }, window));
  };

  test.each([
    ['the same each day', () => 60_000, undefined],
    ['1 % more over 12 weeks', (ago: number) => 60_000 * (1 + (84 - ago) / 8400), undefined],
    ['twice as long over 12 weeks', (ago: number) => 60_000 * (1 + (84 - ago) / 84), 'runtime-drift'],
    ['twice as long over 12 weeks, and below a second', (ago: number) => 300 * (1 + (84 - ago) / 84), undefined],
    ['twice as long since 9 days', (ago: number) => (ago < 9 ? 120_000 : 60_000), 'runtime-step'],
    ['twice as long since 40 days: told long ago', (ago: number) => (ago < 40 ? 120_000 : 60_000), undefined],
    [
      'longer since 60 days, and once more since 9',
      (ago: number) => (ago < 9 ? 200_000 : ago < 60 ? 100_000 : 60_000),
      'runtime-step',
    ],
    ['slower and slower for 8 weeks, and no more since', (ago: number) => 60_000 * (2 - Math.max(0, ago - 28) / 56), undefined],
    ['20 % longer since 9 days', (ago: number) => (ago < 9 ? 72_000 : 60_000), undefined],
    ['a third of the time since 9 days', (ago: number) => (ago < 9 ? 20_000 : 60_000), 'runtime-step'],
    ['a little faster since 9 days', (ago: number) => (ago < 9 ? 40_000 : 60_000), undefined],
    ['faster and faster', (ago: number) => 60_000 * (1 + ago / 84), undefined],
    ['longer on Sundays', (ago: number) => (ago % 7 === 0 ? 180_000 : 60_000), undefined],
    ['one bad week', (ago: number) => (ago >= 9 && ago < 16 ? 180_000 : 60_000), undefined],
  ])('%s', (_name, durations, kind) => {
    expect(found(durations)?.kind).toBe(kind);
  });

  test('nine days are too few', () => {
    expect(found((ago) => 60_000 * (1 + (9 - ago)), 9)).toBeUndefined();
  });

  test('says from what to what, and since when', () => {
    expect(found((ago) => (ago < 9 ? 120_000 : 60_000))?.text).toBe('takes longer since 9 days ago, at once: 1 min → 2 min (×2)');
  });

  test('failed runs, skipped ones and those that somebody started tell nothing of it', () => {
    const others: readonly Partial<ReviewedRun>[] = [FAILED, { word: 'skipped' }, { trigger: 'manual' }];
    const runs = daily(84, (ago) => ({ duration_ms: 60_000 * jitter(ago) }));
    for (const other of others)
      for (let ago = 0; ago < 9; ago++)
        for (let more = 1; more < 4; more++) runs.push(run(ago + more / 10, { ...other, duration_ms: 600_000 }));
    expect(runtimeChange({ runs: runs.sort((a, b) => a.started_at - b.started_at) }, window)).toEqual({ kind: 'none' });
  });
});
