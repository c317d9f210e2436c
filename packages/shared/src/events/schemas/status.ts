import { z } from 'zod';
import { levelSchema, name, readings, sentence, timestamp } from './common.js';
import { response } from './guard.js';

export const SERVICE_STATES = ['up', 'degraded', 'down', 'unknown', 'paused'] as const;
export const serviceState = z.enum(SERVICE_STATES);
export type ServiceState = z.infer<typeof serviceState>;

export const serviceStatus = z.object({
  service: name,
  status: serviceState,
  since: timestamp.nullable(),
  detail: sentence,
  port: z.int().nullable(),
  response_ms: z.number().nonnegative().nullable(),
  latency_ms: z
    .object({ p50: z.number().nonnegative(), p95: z.number().nonnegative(), p99: z.number().nonnegative() })
    .nullish()
    .describe('Of the last 200 answers; null without one'),
  checked_at: timestamp.nullable(),
  /** Share of the time in which it was up or degraded, of the time in which it was known; null without any. */
  uptime_24h: z.number().min(0).max(1).nullable(),
});

/** The infrastructure status: what Nucleus, the Chief of Staff and the Empire CLI read. */
export const statusPublished = z.object({
  host: name,
  level: levelSchema,
  level_since: timestamp,
  level_reason: sentence,
  services: z.array(serviceStatus),
  resource_utilisation: readings,
  uptime_metrics: z.object({
    services_up: z.int().nonnegative(),
    services_total: z.int().nonnegative(),
    monitor_uptime_seconds: z.number().nonnegative(),
    host_uptime_seconds: z.number().nonnegative(),
  }),
  response,
  alerts_firing: z.int().nonnegative(),
  scope: sentence,
  sampled_at: timestamp.nullable(),
  published_at: timestamp,
});
export type Status = z.infer<typeof statusPublished>;
