import { z } from 'zod';
import { levelSchema, name, percent, processFacts, readings, sentence, timestamp } from './common.js';

// resource_guard.py says GREEN in places and writes in capitals in others.
const LEVEL_WORDS: Readonly<Record<string, string>> = { green: 'normal', info: 'normal', ok: 'normal', warning: 'warn' };
const reportedLevel = z
  .string()
  .max(20)
  .transform((word) => LEVEL_WORDS[word.toLowerCase()] ?? word.toLowerCase())
  .pipe(z.enum(['normal', 'warn', 'critical', 'emergency']));

const sampleFields = {
  cpu_percent: percent.nullish(),
  ram_percent: percent.nullish(),
  disk_percent: percent.nullish(),
};
// An epoch in seconds (float) or ISO 8601. Without a zone it says nothing about its age: taken, but never as fresh as a
// time with a zone (the reader decides with the arrival time).
const reportedTime = z.union([
  z.number().positive().max(1e11),
  z
    .string()
    .max(40)
    .regex(/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/, 'epoch seconds or ISO 8601'),
]);

/** What resource_guard.py reports: the dictionary of get_status(), or the content of guard_state.json. */
export const guardReported = z.looseObject({
  level: reportedLevel.describe('normal (GREEN), warn, critical or emergency'),
  ...sampleFields,
  timestamp: reportedTime.nullish(),
  last_sample: z
    .looseObject({ ...sampleFields, timestamp: reportedTime.nullish() })
    .nullish()
    .describe('guard_state.json keeps the readings in here'),
});

export const guardSampled = z.object({
  host: name,
  level: levelSchema,
  readings,
  memory_pressure: percent.nullable(),
  io_pressure: percent.nullish(),
  cpu_throttled_percent: percent.nullish().describe('Periods in which a limited group had to stand still'),
  ram_used_bytes: z.number().nullable(),
  ram_total_bytes: z.number().nullable(),
  disks: z.array(z.object({ mount: z.string(), percent: percent.nullable() })),
  scope: z.object({
    kind: z.enum(['host', 'container', 'cgroup']),
    cpus: z.number().nonnegative(),
    memory_bytes: z.number().nonnegative(),
    why: sentence,
  }),
  loop_delay_ms: z.number().nonnegative(),
  late_ms: z.number().nonnegative().optional().describe('How much later than planned the sample was taken'),
  sampled_at: timestamp,
});

/** What a level means for everybody who acts on it; `unchanged` where a blind guard must not move anything. */
export const response = z.object({
  max_agents: z.union([z.int().nonnegative(), z.literal('unchanged')]).describe('For revenue work'),
  max_agents_non_revenue: z.union([z.int().nonnegative(), z.literal('unchanged')]),
  dispatch_delay_ms: z.union([z.int().nonnegative(), z.literal('unchanged')]),
  models: z.enum(['all', 'ollama-only', 'external-only', 'unchanged']),
  models_bind: z.enum(['all-work', 'non-critical-work', 'unchanged']).describe('Which work `models` binds'),
  non_revenue_work: z.enum(['runs', 'paused', 'unchanged']),
  deployments: z.enum(['allowed', 'deferred', 'blocked']),
  maintenance: z.enum(['allowed', 'deferred-unless-it-frees-disk', 'deferred']),
});
export type Response = z.infer<typeof response>;

const topProcesses = z.object({
  by_memory: z.array(processFacts).max(20),
  by_cpu: z.array(processFacts).max(20),
});

export const guardLevelChanged = z.object({
  host: name,
  level: levelSchema,
  from: levelSchema,
  generation: z.int().nonnegative().describe('Counts the changes of this host: a change with a lower one is stale'),
  reason: sentence,
  metric: name.nullable().describe('The metric that caused it'),
  source: z.enum(['own', 'report', 'blind']),
  readings,
  response,
  top_processes: topProcesses.nullable().describe('Who used the host, where the level went up'),
  since: timestamp,
});

const killResult = z.enum(['dry-run', 'terminated', 'killed', 'already-gone', 'identity-changed', 'not-permitted', 'survived']);
const identified = processFacts.extend({ start_time: z.string().describe('With the pid, the identity of a process') });

export const guardRunawayHandled = z.object({
  host: name,
  mode: z.enum(['dry-run', 'on']),
  result: killResult.describe('Of the whole unit: the worst that is left of it'),
  victim: identified.describe('Who gives the unit its name: the leader of the process group, or its largest member'),
  processes: z.int().positive().default(1).describe('How many processes were one unit'),
  members: z
    .array(identified.extend({ result: killResult }))
    .max(50)
    .default([])
    .describe('The processes of the unit, the largest 50, and how each ended'),
  container: z
    .object({ id: name, name: name.nullable() })
    .nullable()
    .default(null)
    .describe('The container that they are the whole of'),
  by: z.enum(['signals', 'engine']).default('signals').describe('Who ended it'),
  engine_refused: sentence.nullable().default(null).describe('What the container engine did not do of what it was asked'),
  reason: sentence,
  took_ms: z.number().nonnegative(),
  evidence: topProcesses.extend({ readings }),
});
