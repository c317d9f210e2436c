import type { CheckResult } from './check-result.js';

/** What was counted last: enabled jobs, null while the scheduler is switched off, and when (epoch ms). */
interface JobCount {
  readonly enabled: number | null;
  readonly at: number;
}

/**
 * What the number of enabled cron jobs says of a gateway that is healthy itself. Another number than expected is degraded, since the
 * gateway and the other jobs work; none at all is a failure. A count that cannot be had now changes nothing.
 */
export function judgeJobs(
  expected: number,
  count: JobCount | undefined,
  why: string | undefined,
  now: number,
): { readonly outcome: Extract<CheckResult['outcome'], 'ok' | 'partial' | 'failed'>; readonly detail: string } {
  if (count === undefined)
    return { outcome: 'ok', detail: `its cron jobs are not counted yet${why === undefined ? '' : `: ${why}`}` };
  const age = why === undefined ? '' : ` ${Math.round((now - count.at) / 1000)} s ago (${why})`;
  if (count.enabled === null)
    return { outcome: 'failed', detail: `its cron scheduler is switched off${age}: expected ${expected} jobs` };
  const detail = `${count.enabled} enabled cron jobs${age}`;
  if (count.enabled === expected) return { outcome: 'ok', detail };
  return { outcome: count.enabled === 0 ? 'failed' : 'partial', detail: `${detail}: expected ${expected}` };
}
