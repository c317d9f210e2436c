import { z } from 'zod';
import { name, sentence, timestamp } from './common.js';

const jobName = z.string().min(1).max(300);
const seconds = z.number().nonnegative();

/** Which job it is about. */
const job = {
  job_id: jobName.describe('`<source>/<id>`'),
  job_name: jobName,
  source: name,
  agent: z.string().max(200).nullable(),
};

/** Which run it is about: a job and the start of the run are its identity. */
const run = {
  ...job,
  run_id: name,
  started_at: timestamp,
  slot: timestamp.nullable().describe('The slot of the schedule that it serves; null where somebody started it'),
  trigger: z
    .enum(['schedule', 'retry', 'source-retry', 'manual', 'unscheduled'])
    .describe('source-retry: the gateway tries again by itself; unscheduled: nobody knows why, a catch-up among others'),
};

const ended = {
  ...run,
  ended_at: timestamp,
  duration: seconds.describe('Seconds'),
  code: name.describe('What the verdict rests on, for machines'),
  output: z.string().max(20_000).describe('Its end, where it is longer').nullable(),
};

export const cronRunStarted = z.object(run);
export const cronRunSucceeded = z.object({ ...ended, was_missed: z.boolean().describe('Its slot had been given up') });
export const cronRunFailed = z.object({
  ...ended,
  reason: sentence,
  word: z.string().max(100).nullable().describe('What its source calls it: `ok` for runs that have failed, too'),
  retry_at: timestamp.nullable().describe('When it is tried again; null: it is not'),
  final: z.boolean().describe('Nobody tries it again: a person must look'),
});
export const cronRunMissed = z.object({
  ...job,
  slot: timestamp,
  deadline: timestamp.describe('Slot and grace'),
  reason: sentence,
  unseen: z.boolean().describe('We were away ourselves: it may have run, and could not tell'),
});
export const cronRunOverran = z.object({
  ...run,
  expected: seconds,
  limit: seconds,
  expected_from: z.enum(['given', 'learned', 'default']),
  kill: z.boolean().describe('Whether it is ended'),
});
export const cronRunKilled = z.object({
  ...run,
  outcome: z.enum(['ended', 'already-ended', 'not-possible', 'survived']),
  how: sentence,
  took_ms: z.number().nonnegative(),
  evidence: z.object({
    log: z.array(z.string().max(2000)).max(100).describe('The last lines that are known of it'),
    processes: z.array(z.string().max(500)).max(100).describe('The process tree, where there is one'),
    guard: z.array(z.record(z.string(), z.unknown())).max(50).describe('guard.sampled of that time'),
  }),
});
export const cronRetryScheduled = z.object({
  ...job,
  run_id: name.describe('The run that failed'),
  due_at: timestamp,
  reason: sentence.describe('Why then: the first pause, or what it waits for'),
  deferred: z.boolean().describe('It was due, and was put off'),
});

export const CRON_FINDINGS = [
  'runtime-drift',
  'runtime-step',
  'intermittent-failures',
  'missed-slots',
  'silent-successes',
  'collision',
] as const;
export const CRON_PROPOSALS = ['expected', 'schedule', 'timeout'] as const;

export const cronReviewPublished = z.object({
  review_id: name,
  from: timestamp,
  to: timestamp,
  jobs: z.int().nonnegative(),
  runs: z.int().nonnegative(),
  findings: z
    .array(
      z.object({
        job_id: jobName,
        job_name: jobName,
        kind: z.enum(CRON_FINDINGS),
        text: sentence,
        facts: z.record(z.string(), z.unknown()),
      }),
    )
    .max(500),
  proposals: z
    .array(
      z.object({
        proposal_id: name,
        job_id: jobName,
        kind: z.enum(CRON_PROPOSALS),
        current: z.string().max(500),
        proposed: z.string().max(500),
        reason: sentence,
      }),
    )
    .max(500),
  report: z.string().max(100_000).describe('Markdown'),
});
