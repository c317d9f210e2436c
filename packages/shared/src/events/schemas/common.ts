import { z } from 'zod';

export const LEVELS = ['normal', 'warn', 'critical', 'emergency', 'unknown'] as const;
export const levelSchema = z.enum(LEVELS).describe('The guard level of a host');
export type Level = z.infer<typeof levelSchema>;

export const name = z.string().min(1).max(200);
export const sentence = z.string().min(1).max(2000);
export const timestamp = z.iso.datetime({ offset: true }).describe('ISO 8601 with a zone');
export const percent = z.number().min(0).max(100);
export const scalar = z.union([z.string().max(1000), z.number(), z.boolean(), z.null()]);

/** The seed's alert, field for field: what every alert event carries. */
export const alertFields = {
  service: name.describe('The service or host that the alert is about'),
  status: name.describe('What it is now, as its reporter says it'),
  metric: name.describe('What was measured'),
  threshold: scalar.describe('The bound that was crossed'),
  current_value: scalar.describe('The value that was seen'),
  timestamp: timestamp.describe('When it was seen'),
};

export const readings = z.object({
  cpu_percent: percent.nullable().describe('CPU in use without iowait, % of what the scope may use; null when not read'),
  iowait_percent: percent.nullable(),
  nice_percent: percent.nullish().describe('Of the host: work of low priority, part of its CPU in use'),
  steal_percent: percent.nullish().describe('Of the host: given to others by its hypervisor, part of its CPU in use'),
  cpu_pressure: percent.nullable().describe('PSI cpu "some" over the last sample, %'),
  ram_percent: percent.nullable().describe('Memory in use (total - available), % of what the scope may use'),
  swap_percent: percent.nullish().describe('Of the host; null without swap'),
  disk_percent: percent.nullable().describe('The fullest watched file system'),
});
export type Readings = z.infer<typeof readings>;

export const processFacts = z.object({
  pid: z.int().positive(),
  name,
  rss_bytes: z.number().nonnegative(),
  cpu_percent: z.number().nonnegative().nullable().describe('% of one core'),
});
