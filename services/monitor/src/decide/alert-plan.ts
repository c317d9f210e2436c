import { fingerprintOf } from '../fingerprint.js';
import type { Condition } from './conditions.js';

export interface AlertPlan {
  readonly raise: readonly Condition[];
  /** With the fingerprint of the firing alert that it ends. */
  readonly clear: readonly Condition[];
}

/**
 * What must change so that the firing alerts are the conditions that hold. A condition that is unknown, or that nobody
 * speaks of, changes nothing: missing data clears no alert.
 *
 * @param firing the fingerprints of the firing alerts
 */
export function decideAlerts(conditions: readonly Condition[], firing: ReadonlySet<string>): AlertPlan {
  return {
    raise: conditions.filter((condition) => condition.state === 'firing' && !firing.has(fingerprintOf(condition))),
    clear: conditions.filter((condition) => condition.state === 'ok' && firing.has(fingerprintOf(condition))),
  };
}
