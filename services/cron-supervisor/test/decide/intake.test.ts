import { expect, test } from 'vitest';
import type { Job, RunReport } from '../../src/cron-types.js';
import { planIntake } from '../../src/decide/intake.js';
import type { IntakeFacts, IntakePlan, Run, RunFact } from '../../src/decide/intake-types.js';
import { madeJob } from '../made-job.js';

const MINUTE = 60_000;
const SLOT = Date.UTC(2026, 10, 28, 8);
const POLICY = { overrun: { factor: 2, at_least: MINUTE, kill: true, kill_grace: 10_000 }, retry_after: 5 * MINUTE };

const plain = madeJob('openclaw', 'brief', { schedule: { kind: 'cron', expression: '0 8 * * *', time_zone: 'UTC' } });
const job: Job = {
  ...plain,
  policy: { ...plain.policy, expected_ms: MINUTE, expected_from: 'given', grace_ms: 5 * MINUTE },
};
const heartbeat: Job = {
  ...job,
  job_id: 'heartbeat/copy',
  source: 'heartbeat',
  external_id: 'copy',
  schedule: { kind: 'on-demand' },
};

const report = (startedAt: number, change: Partial<RunReport> = {}): RunReport => ({
  job: 'brief',
  started_at: startedAt,
  ended_at: startedAt + 10_000,
  word: 'ok',
  completion: null,
  output: 'done',
  error: null,
  error_kind: null,
  delivery: null,
  exit_code: null,
  timeout_ms: null,
  ref: null,
  ...change,
});
const FAILED = { word: 'error', error: 'rate limit', output: null } as const;

function intake(facts: readonly RunFact[], known: Partial<IntakeFacts> = {}, now = SLOT + 10 * MINUTE): IntakePlan {
  return planIntake(
    facts,
    {
      jobs: new Map([job, heartbeat].map((one) => [one.job_id, one])),
      runs: [],
      retries: [],
      missed: new Set(),
      raised: new Map(),
      startable: () => true,
      answers: ({ source }) => source === 'openclaw',
      byHand: () => false,
      ...known,
    },
    POLICY,
    now,
  );
}
const types = (plan: IntakePlan) => plan.drafts.map(({ type }) => type);
const ended = (startedAt: number, change = {}): RunFact => ({
  kind: 'ended',
  job_id: job.job_id,
  report: report(startedAt, change),
});

test('a run is one, in whatever order its beginning and its end are told, and however often', () => {
  const began: RunFact = { kind: 'began', job_id: job.job_id, started_at: SLOT, ref: null };
  expect(types(intake([began, ended(SLOT), ended(SLOT), began]))).toEqual(['cron.run-started', 'cron.run-succeeded']);
  expect(types(intake([ended(SLOT), began]))).toEqual(['cron.run-succeeded']);
  const named = intake([began, { ...began, ref: 'r1' }]);
  expect(named.runs).toMatchObject([{ ref: 'r1', slot: SLOT, trigger: 'schedule' }]);
  expect(types(named)).toEqual(['cron.run-started']);
});

test('a heartbeat that tells its start twice, because the answer was lost, is one run', () => {
  const start = (at: number): RunFact => ({ kind: 'began', job_id: heartbeat.job_id, started_at: at, ref: 'exec-1' });
  const plan = intake([start(SLOT), start(SLOT + 900)]);
  expect(types(plan)).toEqual(['cron.run-started']);
  expect(plan.runs).toHaveLength(1);
});

test('the attempts that a gateway makes by itself belong to the failure that they follow: one retry of ours waits for all', () => {
  const plan = intake([ended(SLOT, FAILED), ended(SLOT + 40_000, FAILED), ended(SLOT + 110_000, FAILED)]);
  expect(plan.runs.map(({ trigger }) => trigger)).toEqual(['schedule', 'source-retry', 'source-retry']);
  expect(plan.retries).toMatchObject(
    [{ due_at: SLOT + 10_000 + POLICY.retry_after }].map(({ due_at }) => ({ due_at: Math.max(due_at, SLOT + 10 * MINUTE) })),
  );
  expect(types(plan).filter((type) => type === 'cron.retry-scheduled')).toHaveLength(1);
  expect(types(plan)).not.toContain('alert.reported');
});

test('a run that answers the retry that was asked for is the retry; when it fails, nobody tries again', () => {
  const asked = {
    run_id: 'f',
    job_id: job.job_id,
    due_at: SLOT,
    state: 'asked',
    asked_at: SLOT + 9 * MINUTE,
    ref: null,
    retry_run_id: null,
    slot: SLOT,
  };
  const plan = intake([ended(SLOT + 9 * MINUTE + 20, FAILED)], { retries: [asked] });
  expect(plan.runs).toMatchObject([{ trigger: 'retry', retry_of: 'f', slot: null }]);
  expect(plan.retryChanges.map(({ state }) => state)).toEqual(['started', 'failed']);
  expect(plan.drafts.find(({ type }) => type === 'cron.run-failed')?.data).toMatchObject({ final: true, retry_at: null });
  expect(plan.raised.get(job.job_id)).toEqual(['cron-result']);
});

test('an alert begins once, and ends with the next success', () => {
  const raised = new Map([[job.job_id, ['cron-result', 'cron-schedule']]]);
  const again = intake([ended(SLOT, { ...FAILED, ref: 'manual:brief:1' })], { raised });
  expect(types(again)).toEqual(['cron.run-failed']);
  const over = intake([ended(SLOT)], { raised });
  expect(over.drafts.filter(({ type }) => type === 'alert.reported').map(({ data }) => data)).toMatchObject([
    { metric: 'cron-result', status: 'ok' },
    { metric: 'cron-schedule', status: 'ok' },
  ]);
  expect(over.raised.get(job.job_id)).toEqual([]);
});

test('an output that is cut in the middle of a character is still text that can be stored', () => {
  const plan = intake([ended(SLOT, { output: '😀'.repeat(40_000) })]);
  const [run] = plan.runs as [Run];
  expect((run.output ?? '').length).toBeLessThanOrEqual(64_000);
  expect(JSON.stringify(plan.drafts).length).toBeLessThan(100_000);
});

// Away from every slot.
const LATER = SLOT + 60 * MINUTE;

test('a run that had ended before its end was asked for was not ended by us; one that ended after was', () => {
  const plan = intake([{ kind: 'began', job_id: job.job_id, started_at: SLOT, ref: null }]);
  const asked = plan.runs.map((run): Run => ({ ...run, kill_asked_at: SLOT + 10 * MINUTE }));
  const end = (after: number) => intake([ended(SLOT, { ended_at: SLOT + after })], { runs: asked }).runs[0]?.verdict;
  expect(end(20_000)).toBe('succeeded');
  expect(end(10 * MINUTE + 50)).toBe('killed');
});

test('a run that somebody starts by hand is not tried again, whenever that is known', () => {
  const began = (ref: string | null): RunFact => ({ kind: 'began', job_id: job.job_id, started_at: LATER, ref });
  const failed = ended(LATER, FAILED);
  const named = ended(LATER, { ...FAILED, ref: 'manual:brief:1' });
  for (const facts of [
    [began('manual:brief:1'), failed],
    [began(null), began('manual:brief:1'), failed],
    [began(null), named],
  ]) {
    const plan = intake(facts, {}, LATER + MINUTE);
    expect(plan.runs).toMatchObject([{ trigger: 'manual', slot: null, verdict: 'failed' }]);
    expect(plan.retries).toEqual([]);
    expect(plan.raised.get(job.job_id)).toEqual(['cron-result']);
  }
  const byHand = { byHand: ({ job_id }: Job, at: number) => job_id === job.job_id && at === LATER };
  expect(intake([began(null), failed], byHand, LATER + MINUTE)).toMatchObject({ runs: [{ trigger: 'manual' }], retries: [] });
  // Nobody asked for this one.
  expect(intake([began(null), failed], {}, LATER + MINUTE).retries).toHaveLength(1);
});

test('what was told while a run went on and what is told with its end are both its output', () => {
  const at = (minutes: number) => SLOT + minutes * MINUTE;
  const about = { job_id: heartbeat.job_id, ref: null };
  const plan = intake([
    { kind: 'began', ...about, started_at: at(0) },
    { kind: 'log', ...about, at: at(1), text: 'table 1\n' },
    { kind: 'ping', ...about, at: at(2), took: null, word: 'ok', exit_code: 0, output: 'table 2' },
  ]);
  expect(plan.runs).toMatchObject([{ output: 'table 1\ntable 2', verdict: 'succeeded' }]);
});
