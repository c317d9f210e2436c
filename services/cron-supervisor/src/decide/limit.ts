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
