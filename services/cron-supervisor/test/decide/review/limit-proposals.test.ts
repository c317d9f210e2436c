import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JobHistory, ReviewedRun, ReviewWindow } from '../../../src/decide/review/history.js';
import { limitProposals } from '../../../src/decide/review/limit-proposals.js';
import { runtimeChange } from '../../../src/decide/review/runtime-change.js';

const DAY = 86_400_000;
const MINUTE = 60_000;
const TO = Date.UTC(2026, 10, 30, 6);
const window: ReviewWindow = { trend_from: TO - 84 * DAY, from: TO - 28 * DAY, to: TO };
const RULES = { factor: 2, at_least_ms: MINUTE };

/** One run a day for twelve weeks; the durations (ms) by days ago. */
function job(
  took: (ago: number) => number,
  {
    expected,
    timeout = null,
    from = 'given',
    verdict = () => 'succeeded',
  }: {
    expected: number | null;
    timeout?: number | null;
    from?: 'given' | 'learned';
    verdict?: (ago: number) => ReviewedRun['verdict'];
  },
): JobHistory {
  const runs = Array.from({ length: 84 }, (_, index): ReviewedRun => {
    const ago = 83 - index;
    const started_at = TO - ago * DAY - 3_600_000;
    const duration_ms = took(ago) * (1 + 0.02 * Math.sin(ago * 7.3));
    return {
      started_at,
      slot: started_at,
      duration_ms,
      verdict: verdict(ago),
      code: 'ok',
      output_length: 10,
      word: 'ok',
      trigger: 'schedule',
    };
  });
  return {
    job_id: 'openclaw/digest',
    name: 'digest',
    source: 'openclaw',
    schedule: { kind: 'cron', expression: '0 5 * * *', time_zone: 'UTC' },
    policy: { expected_ms: expected, expected_from: from, kill: true, class: 'non-revenue' },
    timeout_ms: timeout,
    runs,
    missed: [],
  };
}

const proposed = (history: JobHistory) =>
  limitProposals(history, runtimeChange(history, window), window, RULES).map(({ change }) => change);

describe('what should be expected', () => {
  test.each([
    ['as it is', job(() => 5 * MINUTE, { expected: 5 * MINUTE }), []],
    [
      'far longer than was said',
      job(() => 9 * MINUTE, { expected: 5 * MINUTE }),
      [{ kind: 'expected', expected_ms: 9.5 * MINUTE }],
    ],
    [
      'far shorter than was said',
      job(() => 5 * MINUTE, { expected: 60 * MINUTE }),
      [{ kind: 'expected', expected_ms: 5.5 * MINUTE }],
    ],
    [
      'far shorter than was learned: that follows by itself',
      job(() => 5 * MINUTE, { expected: 60 * MINUTE, from: 'learned' }),
      [],
    ],
    ['nobody has said anything yet', job(() => 5 * MINUTE, { expected: null }), []],
    [
      'so short that its own limit ends it: none shorter than a learned one may be',
      job(() => 9000, { expected: 2000 }),
      [{ kind: 'expected', expected_ms: 30_000 }],
    ],
    ['so short that the shortest limit holds', job(() => 9000, { expected: 2000, from: 'learned' }), []],
    [
      'since a step, by the runs after it',
      job((ago) => (ago < 9 ? 20 : 8) * MINUTE, { expected: 8 * MINUTE, from: 'learned' }),
      [{ kind: 'expected', expected_ms: 21 * MINUTE }],
    ],
    ['one good run took longer, and there is room', job((ago) => (ago === 5 ? 7.5 : 4) * MINUTE, { expected: 5 * MINUTE }), []],
    [
      'a good run would have been ended',
      job((ago) => (ago === 5 ? 11 : 4) * MINUTE, { expected: 5 * MINUTE }),
      [{ kind: 'expected', expected_ms: 7 * MINUTE }],
    ],
  ])('%s', (_name, history, changes) => {
    expect(proposed(history)).toEqual(changes);
  });

  test('of a drift, what it will need in four weeks', () => {
    const history = job((ago) => 10 * MINUTE * 2 ** ((84 - ago) / 84), { expected: 12 * MINUTE, from: 'learned' });
    const [change] = proposed(history);
    expect(change).toMatchObject({ kind: 'expected' });
    // 20 min by now, and 2^(1/3) times that in four weeks.
    expect(change?.kind === 'expected' && change.expected_ms / MINUTE).toBeGreaterThanOrEqual(24);
    expect(change?.kind === 'expected' && change.expected_ms / MINUTE).toBeLessThanOrEqual(27);
  });
});

describe('the limit of the source', () => {
  test.each([
    ['wide enough', job(() => 5 * MINUTE, { expected: 5 * MINUTE, timeout: 10 * MINUTE }), []],
    [
      'runs come near to it',
      job(() => 9 * MINUTE, { expected: 9 * MINUTE, timeout: 10 * MINUTE }),
      [{ kind: 'timeout', timeout_ms: 18 * MINUTE }],
    ],
    ['none, and nothing hangs', job(() => 5 * MINUTE, { expected: 5 * MINUTE }), []],
    [
      'none, and some hung',
      job((ago) => (ago === 3 || ago === 12 ? 10 : 5) * MINUTE, {
        expected: 5 * MINUTE,
        verdict: (ago) => (ago === 3 || ago === 12 ? 'killed' : 'succeeded'),
      }),
      [{ kind: 'timeout', timeout_ms: 10 * MINUTE }],
    ],
  ])('%s', (_name, history, changes) => {
    expect(proposed(history)).toEqual(changes);
  });
});

test('no proposal puts a good run of the window at risk of being ended', () => {
  const durations = fc.array(fc.integer({ min: 1000, max: 7_200_000 }), { minLength: 84, maxLength: 84 });
  const limits = fc.option(fc.integer({ min: 1000, max: 7_200_000 }), { nil: null });
  fc.assert(
    fc.property(durations, fc.integer({ min: 1000, max: 7_200_000 }), limits, (some, expected, timeout) => {
      const history = job((ago) => some[ago] ?? 1000, { expected, timeout });
      const longest = Math.max(
        ...history.runs.filter(({ started_at }) => started_at >= window.from).map((run) => run.duration_ms),
      );
      for (const change of proposed(history)) {
        if (change.kind === 'expected') expect(change.expected_ms * RULES.factor).toBeGreaterThanOrEqual(longest * 1.25 - 1);
        if (change.kind === 'timeout') expect(change.timeout_ms).toBeGreaterThanOrEqual(longest * 1.25 - 1);
      }
    }),
    { numRuns: 50 },
  );
});
