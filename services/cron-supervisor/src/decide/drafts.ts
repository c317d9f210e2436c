import type { EventData, EventDraft } from '@ops/shared/events';
import type { Job, Judgement, Policy, Trigger } from '../cron-types.js';

const LONGEST_OUTPUT = 4000;
const LONGEST_SENTENCE = 1900;

/** What events say of a run. */
export interface RunView {
  readonly run_id: string;
  readonly started_at: number;
  readonly slot: number | null;
  readonly trigger: Trigger;
}

export const iso = (ms: number): string => new Date(ms).toISOString();
const sentence = (text: string): string => text.slice(0, LONGEST_SENTENCE) || 'no reason was given';
/** The end of a long output: what went wrong stands there. */
export const tail = (output: string | null, most = LONGEST_OUTPUT): string | null =>
  output === null || output.length <= most ? output : `…${output.slice(-(most - 1))}`;
const subjectOf = ({ job_id }: Pick<Job, 'job_id'>): string => job_id.slice(0, 200);

function jobFields({ job_id, name, source, agent }: Job) {
  return { job_id, job_name: name, source, agent };
}

function runFields(job: Job, { run_id, started_at, slot, trigger }: RunView) {
  return { ...jobFields(job), run_id, started_at: iso(started_at), slot: slot === null ? null : iso(slot), trigger };
}

export function startedDraft(job: Job, run: RunView): EventDraft<'cron.run-started'> {
  return { type: 'cron.run-started', subject: subjectOf(job), purpose: `${run.run_id} started`, data: runFields(job, run) };
}

interface Ending {
  readonly ended_at: number;
  readonly output: string | null;
}

function endFields(job: Job, run: RunView, { ended_at, output }: Ending, code: string) {
  const duration = Math.max(0, ended_at - run.started_at) / 1000;
  return { ...runFields(job, run), ended_at: iso(ended_at), duration, code, output: tail(output) };
}

export function succeededDraft(job: Job, run: RunView, ending: Ending, wasMissed: boolean): EventDraft<'cron.run-succeeded'> {
  const data = { ...endFields(job, run, ending, 'ok'), was_missed: wasMissed };
  return { type: 'cron.run-succeeded', subject: subjectOf(job), purpose: `${run.run_id} ended`, data };
}

export function failedDraft(
  job: Job,
  run: RunView,
  ending: Ending & { readonly word: string | null; readonly retry_at: number | null },
  { code, reason }: Judgement,
): EventDraft<'cron.run-failed'> {
  const { word, retry_at: at } = ending;
  const data = {
    ...endFields(job, run, ending, code),
    reason: sentence(reason),
    word,
    retry_at: at === null ? null : iso(at),
    final: at === null,
  };
  return { type: 'cron.run-failed', subject: subjectOf(job), purpose: `${run.run_id} ended`, data };
}

export function missedDraft(
  job: Job,
  { slot, deadline, unseen }: { readonly slot: number; readonly deadline: number; readonly unseen: boolean },
  reason: string,
): EventDraft<'cron.run-missed'> {
  const data = { ...jobFields(job), slot: iso(slot), deadline: iso(deadline), reason: sentence(reason), unseen };
  return { type: 'cron.run-missed', subject: subjectOf(job), purpose: `${job.job_id} missed ${slot}`, data };
}

export function overranDraft(
  job: Job,
  run: RunView,
  policy: Policy,
  limit: number,
  kill: boolean,
): EventDraft<'cron.run-overran'> {
  const data = {
    ...runFields(job, run),
    expected: (policy.expected_ms ?? 0) / 1000,
    limit: limit / 1000,
    expected_from: policy.expected_from,
    kill,
  };
  return { type: 'cron.run-overran', subject: subjectOf(job), purpose: `${run.run_id} overran`, data };
}

export function killedDraft(
  job: Job,
  run: RunView,
  facts: Pick<EventData<'cron.run-killed'>, 'outcome' | 'how' | 'took_ms' | 'evidence'>,
): EventDraft<'cron.run-killed'> {
  return {
    type: 'cron.run-killed',
    subject: subjectOf(job),
    purpose: `${run.run_id} killed`,
    data: { ...runFields(job, run), ...facts },
  };
}

export function retryDraft(
  job: Job,
  runId: string,
  dueAt: number,
  reason: string,
  deferred: boolean,
): EventDraft<'cron.retry-scheduled'> {
  const data = { ...jobFields(job), run_id: runId, due_at: iso(dueAt), reason: sentence(reason), deferred };
  return { type: 'cron.retry-scheduled', subject: subjectOf(job), purpose: `${runId} retry ${dueAt}`, data };
}

/** The alerts about a job: each metric stands until a run succeeds. */
export const ALERTS = { result: 'cron-result', schedule: 'cron-schedule', runtime: 'cron-runtime' } as const;
export type AlertMetric = (typeof ALERTS)[keyof typeof ALERTS];

/** An alert about a job begins, or (status `ok`) is over. @param occasion what makes it one report */
export function alertDraft(
  job: Pick<Job, 'job_id'>,
  metric: AlertMetric,
  facts: { readonly status: string; readonly expected: string; readonly found: string; readonly at: number },
  occasion: string,
): EventDraft<'alert.reported'> {
  return {
    type: 'alert.reported',
    subject: subjectOf(job),
    purpose: `${job.job_id} ${metric} ${occasion}`,
    data: {
      service: job.job_id.slice(0, 200),
      status: facts.status,
      metric,
      threshold: facts.expected.slice(0, 900),
      current_value: facts.found.slice(0, 900) || 'unknown',
      timestamp: iso(facts.at),
    },
  };
}
