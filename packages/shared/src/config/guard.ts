import { z } from 'zod';
import { duration } from './units.js';

const bound = (fallback: number) => z.number().gt(0).max(100).default(fallback);
const limit = (fallback: number) => z.int().min(0).max(10_000_000).default(fallback);
const rising = (bounds: Readonly<Record<string, number>>, context: z.core.$RefinementCtx) => {
  const entries = Object.entries(bounds);
  for (const [index, [name, value]] of entries.entries()) {
    const before = entries[index - 1];
    if (before !== undefined && value <= before[1]) {
      context.addIssue({ code: 'custom', path: [name], message: `more than ${before[0]} (${before[1]})` });
    }
  }
};
const levels3 = (warn: number, critical: number, emergency: number) =>
  z
    .strictObject({ warn: bound(warn), critical: bound(critical), emergency: bound(emergency) })
    .superRefine(rising)
    .prefault({});

const models = z.enum(['all', 'ollama-only', 'external-only']);
const response = (agents: number, others: number, delay: string, routed: z.infer<typeof models>, paused: boolean) =>
  z
    .strictObject({
      max_agents: limit(agents).describe('For revenue work'),
      max_agents_non_revenue: limit(others),
      dispatch_delay: duration(delay, 0, 60_000),
      models: models.default(routed),
      pause_non_revenue: z.boolean().default(paused),
    })
    .prefault({});

export const runawayConfig = z
  .strictObject({
    mode: z.enum(['off', 'dry-run', 'on']).default('dry-run'),
    grace: duration('5s', 100, 300_000).describe('From SIGTERM to SIGKILL'),
    settle: duration('2s', 0, 60_000).describe('From the end of one victim to the choice of the next'),
    cpu_sustained: duration('30s', 0, 3_600_000).describe(
      'How long the CPU emergency must hold before a process is ended for it',
    ),
    cpu_pressure: z.number().min(0).max(100).default(60).describe('PSI "some" that it takes as well: others are waiting'),
    min_ram_share: z.number().min(0).max(100).default(10).describe('% of memory that a victim must hold'),
    min_cpu: z.number().min(0).default(50).describe('% of one core that a victim must use'),
    protected: z.array(z.string().min(1)).default([]).describe('Names of processes, or patterns with *'),
    protected_users: z.array(z.string().min(1)).default([]),
  })
  .prefault({});

export const guardConfig = z
  .strictObject({
    cpu: levels3(70, 85, 95),
    ram: levels3(75, 85, 92),
    disk: z
      .strictObject({ warn: bound(85), critical: bound(95) })
      .superRefine(rising)
      .prefault({}),
    disks: z.array(z.string().startsWith('/')).min(1).default(['/']).describe('Mount points that are watched'),
    sustain: z
      .strictObject({ cpu: duration('750ms', 0, 600_000), ram: duration('0ms', 0, 600_000), disk: duration('5s', 0, 600_000) })
      .prefault({}),
    margin: z.number().min(0).max(50).default(3).describe('Percentage points below the threshold that a level is left at'),
    calm: duration('15s', 0, 3_600_000).describe('How long below the margin before a level is left'),
    interval: duration('1s', 50, 60_000).describe('Between samples, far from any threshold'),
    summary_every: duration('5s', 500, 3_600_000),
    report_ttl: duration('60s', 1000, 3_600_000).describe('How long a report of resource_guard.py counts'),
    report_file: z.string().min(1).optional().describe('guard_state.json of resource_guard.py'),
    runaway: runawayConfig,
    response: z
      .strictObject({
        normal: response(500, 500, '0ms', 'all', false),
        warn: response(200, 200, '100ms', 'all', false),
        critical: response(50, 50, '100ms', 'ollama-only', false),
        emergency: response(50, 0, '100ms', 'ollama-only', true),
      })
      .prefault({}),
  })
  .prefault({});
