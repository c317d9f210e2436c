import { z } from 'zod';
import { duration } from './units.js';

const bound = (fallback: number) => z.number().gt(0).max(100).default(fallback);
const limit = (fallback: number) => z.int().min(0).max(10_000_000).default(fallback);
const rising = (given: Readonly<Record<string, unknown>>, names: readonly string[], context: z.core.$RefinementCtx) => {
  for (const [index, name] of names.entries()) {
    const before = names[index - 1];
    if (before !== undefined && Number(given[name]) <= Number(given[before])) {
      context.addIssue({ code: 'custom', path: [name], message: `more than ${before} (${given[before]})`, input: given[name] });
    }
  }
};
// When a level of the metric is entered and left; the reasons for the defaults are in docs/guard.md.
const times = (enter: string, calm: string, margin: number) => ({
  enter: duration(enter, 0, 600_000).describe('How long over a threshold before its level is entered'),
  calm: duration(calm, 0, 3_600_000).describe('How long below threshold - margin before the level is left'),
  margin: z.number().min(0).max(50).default(margin).describe('Percentage points'),
});
const thresholds = <T extends z.ZodRawShape>(bounds: T, timing: ReturnType<typeof times>) =>
  z.strictObject({ ...bounds, ...timing }).superRefine((given, context) => rising(given, Object.keys(bounds), context));

const models = z.enum(['all', 'ollama-only', 'external-only']);
const response = (
  agents: number,
  others: number,
  delay: string,
  routed: z.infer<typeof models>,
  bind: 'all-work' | 'non-critical-work',
  paused: boolean,
) =>
  z
    .strictObject({
      max_agents: limit(agents).describe('For revenue work'),
      max_agents_non_revenue: limit(others),
      dispatch_delay: duration(delay, 0, 60_000),
      models: models.default(routed),
      models_bind: z.enum(['all-work', 'non-critical-work']).default(bind).describe('Which work `models` binds'),
      pause_non_revenue: z.boolean().default(paused),
    })
    .prefault({});

const names = z.array(z.string().min(1).max(200)).default([]);

const neverRule = z.union(
  [
    z.string().min(1).max(200),
    z.strictObject({ command: z.string().min(1).max(200) }),
    z.strictObject({ user: z.union([z.string().min(1).max(64), z.int().min(0)]) }),
  ],
  { error: 'a process name, { command: a text in command lines } or { user: a name or number }' },
);

const runawayConfig = z
  .strictObject({
    mode: z.enum(['off', 'dry-run', 'on']).default('dry-run'),
    unknown: z.enum(['spare', 'eligible']).default('spare').describe('Processes that nobody named'),
    eligible: z
      .strictObject({ names, commands: names })
      .prefault({})
      .describe('May be ended: process names, texts in command lines'),
    never: z.array(neverRule).default([]).describe('Spared whatever else is said: process names, texts in command lines, users'),
    spare_root_daemons: z.boolean().default(true),
    settle: duration('250ms', 0, 60_000).describe('From the end of one victim to the measurement that may choose the next'),
    ram: z
      .strictObject({
        min_share: z.number().min(0).max(100).default(5).describe('% of memory that a victim must hold'),
        grace: duration('1s', 0, 300_000).describe('From SIGTERM to SIGKILL'),
        urgent_above: bound(97),
        urgent_grace: duration('250ms', 0, 300_000),
      })
      .prefault({}),
    cpu: z
      .strictObject({
        sustained: duration('30s', 0, 3_600_000).describe('How long the emergency must hold before a process is ended for it'),
        min_pressure: z.number().min(0).max(100).default(50).describe('PSI "some", %: others are waiting'),
        min_core: z.number().min(0).max(100_000).default(15).describe('% of one core that a victim must use'),
        grace: duration('3s', 0, 300_000),
      })
      .prefault({}),
  })
  .prefault({});

export const guardConfig = z
  .strictObject({
    cpu: thresholds({ warn: bound(70), critical: bound(85), emergency: bound(95) }, times('300ms', '10s', 5)).prefault({}),
    ram: thresholds({ warn: bound(75), critical: bound(85), emergency: bound(92) }, times('0ms', '10s', 3)).prefault({}),
    disk: thresholds({ warn: bound(85), critical: bound(95) }, times('1s', '30s', 2)).prefault({}),
    disks: z.array(z.string().startsWith('/', 'a mount point')).min(1).default(['/']).describe('Mount points that are watched'),
    interval: duration('500ms', 50, 60_000).describe('The longest time between samples; near a threshold they are taken faster'),
    summary_every: duration('5s', 500, 3_600_000),
    reports: z
      .strictObject({
        ttl: duration('60s', 1000, 3_600_000).describe('How long a report of resource_guard.py counts'),
        calm: duration('10s', 0, 3_600_000),
        state_file: z.string().min(1).optional().describe('guard_state.json of resource_guard.py: its folder is watched'),
      })
      .prefault({}),
    runaway: runawayConfig,
    response: z
      .strictObject({
        normal: response(500, 500, '0ms', 'all', 'all-work', false),
        warn: response(200, 200, '100ms', 'all', 'all-work', false),
        critical: response(50, 50, '100ms', 'ollama-only', 'non-critical-work', false),
        emergency: response(50, 0, '100ms', 'ollama-only', 'all-work', true),
      })
      .prefault({}),
  })
  .prefault({});
