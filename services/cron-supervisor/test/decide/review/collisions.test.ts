import type { Schedule } from '@ops/shared/schedule';
import { describe, expect, test } from 'vitest';
import { collisionFindings, collisions } from '../../../src/decide/review/collisions.js';
import { otherTime } from '../../../src/decide/review/other-time.js';
import { scheduleProposals } from '../../../src/decide/review/schedule-proposals.js';
import type { BusyJob, ServedRun } from '../../../src/decide/review/served-runs.js';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const TO = Date.UTC(2026, 10, 30);
const cron = (expression: string): Schedule => ({ kind: 'cron', expression, time_zone: 'UTC' });
const jitter = (index: number) => 1 + 0.03 * Math.sin(index * 5.1);

/** A job of four weeks. `began` is how long after its slot a run began, `took` how long it ran, both by its slot. */
function job(
  name: string,
  {
    minute = 0,
    every = 1,
    expression = `${minute} * * * *`,
    took,
    began = () => 0,
    revenue = false,
    source = 'openclaw',
  }: {
    minute?: number;
    every?: number;
    expression?: string;
    took: (hour: number) => number;
    began?: (hour: number) => number;
    revenue?: boolean;
    source?: string;
  },
): BusyJob {
  const runs: ServedRun[] = [];
  for (let index = 0; index < 28 * 24; index += every) {
    const slot = TO - 28 * 24 * HOUR + index * HOUR + minute * MINUTE;
    const hour = index % 24;
    const start = slot + began(hour);
    runs.push({ slot, start, end: start + took(hour) * jitter(index) });
  }
  const busy_ms = runs.reduce((sum, { start, end }) => sum + end - start, 0);
  return { job_id: `${source}/${name}`, name, source, schedule: cron(expression), revenue, runs, busy_ms };
}

// Hourly, and longer each sixth hour, when the other one runs as well.
const slowed = (change: Partial<Parameters<typeof job>[1]> = {}) =>
  job('digest', { took: (hour) => (hour % 6 === 0 ? 8 * MINUTE : 3 * MINUTE), ...change });
const heavy = (change: Partial<Parameters<typeof job>[1]> = {}) =>
  job('backup', { every: 6, expression: '0 */6 * * *', took: () => 20 * MINUTE, ...change });

describe('jobs in each other’s way', () => {
  test('one takes longer when they run together', () => {
    const [found, ...others] = collisions([slowed(), heavy()]);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ times: 112, harm: { kind: 'slower', who: { name: 'digest' } } });
    expect(collisionFindings(found === undefined ? [] : [found])[0]).toMatchObject({
      job_id: 'openclaw/digest',
      kind: 'collision',
      text: expect.stringMatching(/^is in the way of backup.*digest takes 8 min .*then, and 3 min .*alone/),
    });
  });

  test('the source runs one after the other', () => {
    // `jitter` moves the end of a run by up to 2 s here, and the next one begins at once.
    const first = job('digest', { took: () => MINUTE });
    const second = job('mail', { took: () => MINUTE, began: () => 62_500 });
    const found = collisions([first, second]);
    expect(found).toMatchObject([{ harm: { kind: 'waits', who: { name: 'mail' }, wait_ms: 62_500 } }]);
  });

  test.each([
    ['they meet, and neither minds', job('digest', { took: () => 3 * MINUTE }), heavy()],
    ['they never meet', slowed({ minute: 30 }), heavy()],
    ['they are of two sources', slowed({ source: 'workflows' }), heavy()],
    [
      'they always run together, and nobody knows otherwise',
      job('digest', { took: () => 9 * MINUTE }),
      job('mail', { took: () => 9 * MINUTE }),
    ],
    ['slower by a fifth', job('digest', { took: (hour) => (hour % 6 === 0 ? 3.6 : 3) * MINUTE }), heavy()],
  ])('%s: none', (_name, one, other) => {
    expect(collisions([one, other])).toEqual([]);
  });

  test('the shorter one moves, but never the one that earns money', () => {
    const mover = (one: BusyJob, other: BusyJob) => collisions([one, other])[0]?.mover.name;
    expect(mover(slowed(), heavy())).toBe('digest');
    expect(mover(slowed({ revenue: true }), heavy())).toBe('backup');
    expect(mover(heavy({ revenue: true }), slowed())).toBe('digest');
  });
});

test('a job that runs each minute for hours is as quick to look at as any other', () => {
  const runs = Array.from({ length: 700 }, (_, index): ServedRun => {
    const slot = TO - (700 - index) * MINUTE;
    return { slot, start: slot, end: slot + 5 * HOUR };
  });
  const jobs = Array.from({ length: 20 }, (_, index) => ({ ...job(`minute-${index}`, { took: () => 0 }), runs, busy_ms: 1 }));
  // They are always at it: nothing can be said.
  expect(collisions(jobs)).toEqual([]);
});

describe('another time', () => {
  const propose = (...jobs: BusyJob[]) =>
    scheduleProposals(collisions(jobs), jobs).map(({ job_id, current, proposed }) => [job_id, current, proposed]);

  test('the nearest minute at which nobody is at it', () => {
    expect(propose(slowed(), heavy())).toEqual([['openclaw/digest', '0 * * * * UTC', '25 * * * * UTC']]);
  });

  test('two that move do not move to the same minute', () => {
    const other = job('mail', { took: (hour) => (hour % 6 === 0 ? 7 * MINUTE : 2 * MINUTE) });
    const moved = propose(slowed(), other, heavy());
    expect(moved.map(([id]) => id).sort()).toEqual(['openclaw/digest', 'openclaw/mail']);
    expect(new Set(moved.map(([, , proposed]) => proposed)).size).toBe(2);
  });

  test('the other one moves where this one has no single minute', () => {
    expect(propose(slowed({ expression: '*/60 * * * *' }), heavy())).toEqual([
      ['openclaw/backup', '0 */6 * * * UTC', expect.stringMatching(/^\d+ \*\/6 /)],
    ]);
  });

  test('two that earn money are left to a person', () => {
    expect(propose(slowed({ revenue: true }), heavy({ revenue: true }))).toEqual([]);
  });

  const week = (hour: number, minute: number, took: number): ServedRun[] =>
    Array.from({ length: 7 }, (_, day) => {
      const slot = TO - (7 - day) * 24 * HOUR + hour * HOUR + minute * MINUTE;
      return { slot, start: slot, end: slot + took };
    });
  const busyFor = (hour: number, hours: number) =>
    Array.from({ length: 7 }, (_, day) => {
      const from = TO - (7 - day) * 24 * HOUR + hour * HOUR;
      return { from, to: from + hours * HOUR };
    });

  test.each([
    ['a fixed hour may become another one', '30 3 * * 1', busyFor(3, 2), '0 5 * * 1'],
    ['what is not in the way stays', '30 3 * * *', busyFor(9, 1), undefined],
    ['no time is better', '30 3 * * *', busyFor(0, 23), undefined],
    ['a list of minutes is not ours to rewrite', '0,30 3 * * *', busyFor(3, 2), undefined],
    ['nor are seconds', '0 30 3 * * *', busyFor(3, 2), undefined],
  ])('%s', (_name, expression, busy, proposed) => {
    const found = otherTime({ schedule: cron(expression), runs: week(3, 30, 10 * MINUTE) }, busy);
    expect(found?.schedule).toEqual(proposed === undefined ? undefined : cron(proposed));
  });

  test('not past midnight: the day is not ours to change', () => {
    expect(otherTime({ schedule: cron('50 23 * * 1'), runs: week(23, 50, MINUTE) }, busyFor(23, 1))).toBeUndefined();
  });

  test('an interval has no minute', () => {
    const schedule: Schedule = { kind: 'every', every_ms: HOUR, anchor_ms: 0 };
    expect(otherTime({ schedule, runs: week(3, 0, MINUTE) }, busyFor(3, 2))).toBeUndefined();
  });
});
