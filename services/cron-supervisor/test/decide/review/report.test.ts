import { MAX_EVENT_BYTES } from '@ops/shared/events';
import { describe, expect, test } from 'vitest';
import { finding } from '../../../src/decide/review/finding.js';
import type { ReviewWindow } from '../../../src/decide/review/history.js';
import type { Draft } from '../../../src/decide/review/proposal.js';
import { publishedReview } from '../../../src/decide/review/published-review.js';
import { reviewReport } from '../../../src/decide/review/report.js';
import { changeKey, composeReview, type JobReview } from '../../../src/decide/review/review.js';

const DAY = 86_400_000;
const TO = Date.UTC(2026, 10, 30, 6);
const window: ReviewWindow = { trend_from: TO - 84 * DAY, from: TO - 28 * DAY, to: TO };
const digest = (text: string) => Buffer.from(text).toString('base64url').replace(/[-_]/g, '0');
const facts = { known: new Map<string, string>(), digest, dismissed: new Set<string>(), canChange: () => true };

const draft = (job: string): Draft => ({
  job_id: `openclaw/${job}`,
  job_name: job,
  current: '5 min',
  proposed: '9 min',
  reason: '95 % of 28 runs take up to 8 min',
  change: { kind: 'expected', expected_ms: 540_000 },
});

function job(name: string, change: Partial<JobReview> = {}): JobReview {
  return { job_id: `openclaw/${name}`, name, runs: 28, findings: [], drafts: [], ...change };
}
const named = (name: string) => ({ job_id: `openclaw/${name}`, name });

const jobs = [
  job('digest', {
    findings: [finding(named('digest'), 'runtime-drift', 'takes longer and longer', {}, 4)],
    drafts: [draft('digest')],
  }),
  job('mail', { findings: [finding(named('mail'), 'silent-successes', '2 runs called ok and judged as failed', {}, 11)] }),
  job('backup'),
  job('tidy', { drafts: [draft('tidy')] }),
];

describe('a review', () => {
  test('the worst first, and the proposals in the order of the findings', () => {
    const review = composeReview(jobs, [], window, facts);
    expect(review.runs).toBe(112);
    expect(review.findings.map(({ kind }) => kind)).toEqual(['silent-successes', 'runtime-drift']);
    expect(review.proposals.map(({ job_name }) => job_name)).toEqual(['digest', 'tidy']);
  });

  test('the same window is the same review, and another one is not', () => {
    const again = composeReview(jobs, [], window, facts);
    const later = composeReview(jobs, [], { ...window, to: TO + 60_000 }, facts);
    expect(again).toEqual(composeReview(jobs, [], window, facts));
    expect(later.review_id).not.toBe(again.review_id);
    expect(again.review_id.startsWith('2026-11-30-')).toBe(true);
  });

  test('a proposal is the same all week: made on Monday or on Sunday', () => {
    const at = (days: number) => composeReview(jobs, [], { ...window, to: TO + days * DAY }, facts).proposals[0]?.proposal_id;
    expect(at(6)).toBe(at(0));
    expect(at(7)).not.toBe(at(0));
    expect(at(-1)).not.toBe(at(0));
  });

  test('what was dismissed is not proposed again, and another value is', () => {
    const dismissed = new Set([changeKey(draft('digest'))]);
    const names = (value: Draft) =>
      composeReview([job('digest', { drafts: [value] })], [], window, { ...facts, dismissed }).proposals.length;
    expect([names(draft('digest')), names({ ...draft('digest'), proposed: '12 min' })]).toEqual([0, 1]);
  });
});

test('what nobody can apply is not proposed', () => {
  const timeout: Draft = { ...draft('digest'), change: { kind: 'timeout', timeout_ms: 600_000 } };
  const drafts = [draft('digest'), timeout];
  const review = composeReview([job('digest', { drafts })], [], window, { ...facts, canChange: () => false });
  expect(review.proposals.map(({ change }) => change.kind)).toEqual(['expected']);
});

describe('its report', () => {
  test('what was found, what to do, and what is well', () => {
    const known = new Map([['openclaw/digest runtime-drift', '2026-11-16']]);
    expect(
      reviewReport(composeReview(jobs, [], window, { ...facts, known, digest: () => 'a1b2c3d4' })),
    ).toBe(`# Scheduled jobs, 2026-11-02 to 2026-11-30

4 jobs, 112 runs: 2 findings about 2 jobs.

## Found

| job |  | what |  |
| --- | --- | --- | --- |
| mail | success that is none | 2 runs called ok and judged as failed | new |
| digest | slower bit by bit | takes longer and longer | since 2026-11-16 |

## Proposed

| job | what | now | proposed | why | to apply it |
| --- | --- | --- | --- | --- | --- |
| digest | expected | \`5 min\` | \`9 min\` | 95 % of 28 runs take up to 8 min | \`ops cron apply a1b2c3d4\` |
| tidy | expected | \`5 min\` | \`9 min\` | 95 % of 28 runs take up to 8 min | \`ops cron apply a1b2c3d4\` |

What you do not want: \`ops cron dismiss <proposal> --reason <why>\`, and it is not proposed again.

## Nothing found

backup, tidy.

Review 2026-11-30-a1b2c3d4; runtimes since 2026-09-07.
`);
  });

  test('of a quiet week one line, of no jobs as well', () => {
    expect(reviewReport(composeReview([job('backup')], [], window, facts))).toContain('1 job, 28 runs: nothing found.');
    expect(reviewReport(composeReview([], [], window, facts))).toContain('0 jobs, 0 runs: nothing found.');
  });

  test('a name cannot leave its cell, or be markup', () => {
    const sly = 'a | b\n# <img src=x> [c](d) `e`';
    const found = finding({ job_id: 'x', name: sly }, 'missed-slots', 'missed', {}, 1);
    const report = reviewReport(composeReview([job('x', { name: sly, findings: [found] })], [], window, facts));
    const line = report.split('\n').find((one) => one.includes('img')) ?? '';
    expect(line.match(/(?<!\\)\|/g)).toHaveLength(5);
    expect(line).toContain('\\<img src=x\\>');
    expect(line).toContain('\\`e\\`');
  });

  test('a schedule keeps its stars', () => {
    const moved = { ...draft('digest'), current: '0 * * * * UTC', proposed: '25 * * * * UTC' };
    expect(reviewReport(composeReview([job('digest', { drafts: [moved] })], [], window, facts))).toContain('`25 * * * * UTC`');
  });
});

test('thousands of bad jobs with long names are a report and an event of a size that can be sent', () => {
  const many = Array.from({ length: 3000 }, (_, index) => {
    const name = `${index} ${'ü'.repeat(290)}`;
    const findings = [finding({ job_id: name, name }, 'missed-slots', 'ü'.repeat(3000), {}, 1)];
    return job(name, { job_id: name, name, findings, drafts: [{ ...draft(name), reason: 'ü'.repeat(3000) }] });
  });
  const review = composeReview(many, [], window, { ...facts, digest: () => 'a1b2c3d4' });
  const report = reviewReport(review);
  expect(report).toContain('And 2900 more.');
  const published = publishedReview(review, report);
  expect(Buffer.byteLength(JSON.stringify(published))).toBeLessThan(MAX_EVENT_BYTES - 4096);
  expect(published).toMatchObject({ jobs: 3000 });
  expect([published.findings.length, published.proposals.length].every((count) => count > 10)).toBe(true);
});
