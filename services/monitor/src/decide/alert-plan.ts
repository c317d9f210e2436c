import { fingerprintOf } from '../fingerprint.js';
import type { Condition } from './conditions.js';

export interface AlertPlan {
  readonly raise: readonly Condition[];
  /** With the fingerprint of the firing alert that it ends. */
  readonly clear: readonly Condition[];
}

/**
 * What must change so that the firing alerts are the conditions that hold. A condition that is unknown changes nothing:
 * missing data clears no alert. One that nobody speaks of any more (a service that was taken out of the inventory, or is
 * paused) is over: nobody could ever clear it.
 *
 * @param firing fingerprint → the condition of a firing alert of ours
 * @param blindTo metrics of which nobody has been able to look at anything yet
 */
export function decideAlerts(
  conditions: readonly Condition[],
  firing: ReadonlyMap<string, Condition>,
  now: number,
  blindTo: readonly string[] = [],
): AlertPlan {
  const spoken = new Set(conditions.map(fingerprintOf));
  const unspoken = [...firing].filter(([fingerprint, { metric }]) => !spoken.has(fingerprint) && !blindTo.includes(metric));
  return {
    raise: conditions.filter((condition) => condition.state === 'firing' && !firing.has(fingerprintOf(condition))),
    clear: [
      ...conditions.filter((condition) => condition.state === 'ok' && firing.has(fingerprintOf(condition))),
      ...unspoken.map(([, condition]) => unwatched(condition, now)),
    ],
  };
}

function unwatched(condition: Condition, now: number): Condition {
  const summary = `${condition.service}: ${condition.metric} is no longer watched`;
  return { ...condition, state: 'ok', status: 'no longer watched', summary, at: now };
}
