import type { OpsConfig } from '@ops/shared/config';
import type { Policy } from '../cron-types.js';

/** What ops.yaml says of overruns. */
export type CronLimits = Pick<OpsConfig['cron'], 'overrun'>;

/**
 * How long a run may take before it overruns, ms; undefined while nobody knows how long it should take. A runtime that was given counts
 * as it is; one that was learned is not let fall below `overrun.at_least`: jobs of a second vary by more than their double.
 */
export function limitOf(policy: Policy, { overrun }: CronLimits): number | undefined {
  if (policy.expected_ms === null) return undefined;
  const limit = policy.expected_ms * overrun.factor;
  return policy.expected_from === 'given' ? limit : Math.max(limit, overrun.at_least);
}

// After a start, and once a source is there again, its runs are asked for, and who could not tell of an end tells it again.
const SETTLE_MS = 10_000;

/**
 * Whether a run that has not ended, as far as we know, may be held to its limit: we could hear of its end all the time, or have been
 * back for long enough to have learned of it.
 * @param heardSince since when its source could tell us (epoch ms); undefined where it cannot
 */
export function isWatched(startedAt: number, heardSince: number | undefined, now: number): boolean {
  return heardSince !== undefined && (startedAt >= heardSince || now - heardSince >= SETTLE_MS);
}
