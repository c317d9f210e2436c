import { z } from 'zod';
import { isTimeZone, parseSchedule, scheduleIssue } from '../schedule/index.js';
import { duration, optionalDuration } from './units.js';

const secretSource = {
  token_env: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]*$/, 'the name of an environment variable')
    .optional(),
  token_file: z.string().min(1).optional(),
};
const sourceName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,38}$/, 'lower-case letters, digits and -, at most 39');
const timeZone = z.string().refine(isTimeZone, 'a time zone of the IANA database, such as Europe/Berlin');

const openclaw = z
  .strictObject({
    name: sourceName.default('openclaw'),
    url: z.url({ protocol: /^wss?$/, error: 'a ws(s) URL' }).default('ws://127.0.0.1:18789'),
    ...secretSource,
    state_dir: z
      .string()
      .min(1)
      .optional()
      .describe('Its state folder (~/.openclaw): cron/jobs.json and cron/runs are read there while the gateway is down'),
    time_zone: timeZone.optional().describe('Of the gateway, for jobs that name none; that of this machine where not given'),
  })
  .describe('An OpenClaw gateway');

const workflows = z
  .strictObject({
    name: sourceName.default('workflows'),
    folder: z.string().min(1).describe('A relative one is beside ops.yaml'),
    every: duration('10s', 500, 3_600_000).describe('Between two looks at the files'),
  })
  .describe('A folder of YAML task files with id, schedule and steps');

/** What a run must have put out. */
export const outputRule = z.strictObject({
  pattern: z
    .string()
    .max(500)
    .refine(isPattern, 'a regular expression')
    .optional()
    .describe('A regular expression that the output must match'),
  min_length: z.int().min(0).max(1_000_000).optional().describe('Characters without white space at its ends'),
  json_schema: z.record(z.string(), z.unknown()).optional().describe('The output must be JSON of this form (JSON Schema)'),
  may_be_empty: z.boolean().optional().describe('Nothing to say is a success too'),
});

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}

/** How the runs of one job are judged; what is not given is learned, or the default of `cron`. */
export const cronPolicy = z.strictObject({
  expected: optionalDuration(100, 7 * 86_400_000).describe('How long a run takes; learned from its history where not given'),
  grace: optionalDuration(0, 7 * 86_400_000).describe('How late a run may begin before its slot is missed'),
  retry: z.boolean().optional().describe('Whether a failed run is tried once more'),
  kill: z.boolean().optional().describe('Whether a run past its limit is ended'),
  output: outputRule.optional(),
  class: z.enum(['revenue', 'non-revenue']).optional(),
});

export const jobId = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'lower-case letters, digits, . _ and -, at most 100');

/** A job that tells of its runs by itself: `POST /ping/<id>`, or `ops cron exec <id> -- command`. */
export const heartbeatJob = z
  .strictObject({
    id: jobId,
    schedule: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('A cron expression, or `every 10m`; none: whenever somebody starts it'),
    time_zone: timeZone.default('UTC'),
    purpose: z.string().max(1000).default(''),
    agent: z.string().max(200).optional(),
    command: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('A program and its arguments that the supervisor may start for a retry or `ops cron run`; no shell'),
    folder: z.string().min(1).optional().describe('Where the command runs; a relative one is beside ops.yaml'),
    ...cronPolicy.shape,
  })
  .superRefine(({ schedule, time_zone }, context) => {
    if (schedule === undefined) return;
    const found = scheduleIssue(parseSchedule(schedule, time_zone));
    if (found !== undefined) context.addIssue({ code: 'custom', path: ['schedule'], message: found.expected, input: schedule });
  });

const rule = z.strictObject({ job: z.string().min(1).max(300), ...cronPolicy.shape });

/** Scheduled jobs: where they come from, and how their runs are judged. Reasons are in docs/cron.md. */
export const cronConfig = z
  .strictObject({
    sources: z
      .array(z.union([z.strictObject({ openclaw }), z.strictObject({ workflows })]))
      .max(20)
      .default([]),
    jobs: z.array(heartbeatJob).max(20_000).default([]),
    rules: z.array(rule).max(1000).default([]).describe('For jobs of the sources: `<source>/<id or name>` and how it is judged'),
    grace: duration('60s', 0, 86_400_000).describe('How late a run may begin, on top of what its source says of itself'),
    retry_after: duration('5m', 100, 86_400_000),
    overrun: z
      .strictObject({
        factor: z.number().min(1.1).max(100).default(2),
        at_least: duration('60s', 100, 86_400_000).describe('No limit that is learned, or that the review proposes, is shorter'),
        kill: z.boolean().default(true),
        kill_grace: duration('10s', 100, 600_000).describe('From the gentle way to the hard one'),
      })
      .prefault({}),
    learn: z
      .strictObject({
        after: z.int().min(3).max(1000).default(10).describe('Good runs before a runtime is known'),
        percentile: z.number().min(50).max(100).default(95),
      })
      .prefault({}),
    review: z
      .strictObject({
        schedule: z.string().min(1).max(200).default('0 6 * * 1'),
        time_zone: timeZone.default('UTC'),
        window: duration('28d', 86_400_000).describe('What it looks back on'),
      })
      .prefault({}),
    history: duration('90d', 86_400_000).describe('How long runs are kept; the gateway itself keeps 7 days'),
  })
  .superRefine(({ sources, jobs, review }, context) => {
    unique(
      context,
      ['jobs'],
      'id',
      jobs.map(({ id }) => id),
      'an id that no other job has',
    );
    const names = sources.map((one) => ('openclaw' in one ? one.openclaw.name : one.workflows.name));
    unique(context, ['sources'], 'name', names, 'a name that no other source has');
    for (const [index, name] of names.entries()) {
      if (name === 'heartbeat' || name === 'ops')
        context.addIssue({ code: 'custom', path: ['sources', index], message: `another name than ${name}` });
    }
    const found = scheduleIssue(parseSchedule(review.schedule, review.time_zone));
    if (found !== undefined)
      context.addIssue({ code: 'custom', path: ['review', 'schedule'], message: found.expected, input: review.schedule });
  })
  .prefault({});

function unique(
  context: z.core.$RefinementCtx,
  path: readonly string[],
  field: string,
  values: readonly string[],
  expected: string,
): void {
  const seen = new Set<string>();
  for (const [index, value] of values.entries()) {
    if (seen.has(value)) context.addIssue({ code: 'custom', path: [...path, index, field], message: expected, input: value });
    seen.add(value);
  }
}

export type CronPolicy = z.infer<typeof cronPolicy>;
export type OutputRule = z.infer<typeof outputRule>;
export type HeartbeatJob = z.infer<typeof heartbeatJob>;
