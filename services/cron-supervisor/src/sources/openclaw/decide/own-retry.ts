import { nextSlot, type Schedule } from '@ops/shared/schedule';
import { z } from 'zod';

/** 2026.9.6: after 30 s, 60 s and 5 min; then it waits for the next slot. */
const PAUSES_MS = [30_000, 60_000, 300_000];
/** From the end of the run to when the gateway has written it down. */
const SLACK_MS = 5000;

const row = z.object({
  enabled: z.boolean().nullish(),
  state: z
    .object({
      nextRunAtMs: z.number().nullish(),
      lastRunAtMs: z.number().nullish(),
      lastDurationMs: z.number().nullish(),
      consecutiveErrors: z.number().nullish(),
    })
    .nullish(),
});

/**
 * When a modern gateway runs a failed job again by itself, from its `cron.get`: its next run is earlier than the next slot, and after
 * one to three failures no longer after the last of them than it pauses. Undefined where it will not. Times are epoch ms.
 */
export function ownRetry(job: unknown, schedule: Schedule, now: number): number | undefined {
  const { data } = row.safeParse(job);
  if (data === undefined || data.enabled === false) return undefined;
  const { nextRunAtMs: next, lastRunAtMs: last, lastDurationMs: took, consecutiveErrors: errors } = data.state ?? {};
  const pause = PAUSES_MS[(errors ?? 0) - 1];
  if (typeof next !== 'number' || pause === undefined) return undefined;
  if (typeof last === 'number' && typeof took === 'number' && next > last + took + pause + SLACK_MS) return undefined;
  // A modern gateway counts an interval from the last run.
  const slot = schedule.kind === 'every' && typeof last === 'number' ? last + schedule.every_ms : nextSlot(schedule, now);
  return slot === undefined || next < slot ? next : undefined;
}
