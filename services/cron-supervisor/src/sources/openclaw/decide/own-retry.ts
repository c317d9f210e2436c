import { nextSlot, type Schedule } from '@ops/shared/schedule';
import { z } from 'zod';

/** 2026.9.6: after 30 s, 60 s and 5 min; then it waits for the next slot. */
const MOST_RETRIES = 3;

const row = z.object({
  enabled: z.boolean().nullish(),
  state: z
    .object({ nextRunAtMs: z.number().nullish(), lastRunAtMs: z.number().nullish(), consecutiveErrors: z.number().nullish() })
    .nullish(),
});

/**
 * When a modern gateway runs a failed job again by itself, from its `cron.get`: its next run is earlier than the next slot, after
 * one to three failures. Undefined where it will not. Times are epoch ms.
 */
export function ownRetry(job: unknown, schedule: Schedule, now: number): number | undefined {
  const { data } = row.safeParse(job);
  if (data === undefined || data.enabled === false) return undefined;
  const { nextRunAtMs: next, lastRunAtMs: last, consecutiveErrors: errors } = data.state ?? {};
  if (typeof next !== 'number' || typeof errors !== 'number' || errors < 1 || errors > MOST_RETRIES) return undefined;
  // A modern gateway counts an interval from the last run.
  const slot = schedule.kind === 'every' && typeof last === 'number' ? last + schedule.every_ms : nextSlot(schedule, now);
  return slot === undefined || next < slot ? next : undefined;
}
