import { fingerprintOf } from '../fingerprint.js';
import type { Condition } from './conditions.js';

export interface AlertPlan {
  readonly raise: readonly Condition[];
  /** With the fingerprint of the firing alert that it ends. */
  readonly clear: readonly Condition[];
  /** Some conditions are left alone for now. */
  readonly waits: boolean;
}

/** How long a condition that another monitor of this host has ended is left alone by those that still see it. */
export const REPLICA_MS = 30_000;
/** How long one that another has begun is left alone by those that do not see it: past it, that one may be gone. */
const OTHERS_MS = 600_000;

/**
 * What must change so that the firing alerts are the conditions that hold. A condition that is unknown changes nothing:
 * missing data clears no alert. One that nobody speaks of any more (a service that was taken out of the inventory, or is
 * paused) is over: nobody could ever clear it. Where several monitors watch one host, each ends only what it has seen to end: a state that is older
 * than the beginning of an alert does not end it, and one that is older than its end does not begin it again.
 *
 * @param firing fingerprint → the condition of a firing alert of ours
 * @param ended fingerprint → epoch ms at which its last episode ended, of those of the last half minute
 * @param blindTo metrics of which nobody has been able to look at anything yet
 */
export function decideAlerts(
  conditions: readonly Condition[],
  firing: ReadonlyMap<string, Condition>,
  now: number,
  ended: ReadonlyMap<string, number> = new Map(),
  blindTo: readonly string[] = [],
): AlertPlan {
  const spoken = new Set(conditions.map(fingerprintOf));
  const unspoken = [...firing].filter(([fingerprint, { metric }]) => !spoken.has(fingerprint) && !blindTo.includes(metric));
  const begun = conditions.filter((condition) => condition.state === 'firing' && !firing.has(fingerprintOf(condition)));
  const raise = begun.filter((condition) => !isEnded(condition, ended.get(fingerprintOf(condition)), now));
  const over = conditions.filter((condition) => condition.state === 'ok' && firing.has(fingerprintOf(condition)));
  return {
    raise,
    waits:
      raise.length < begun.length || over.some((condition) => isOthers(condition, firing.get(fingerprintOf(condition)), now)),
    clear: [
      ...over.filter((condition) => !isOthers(condition, firing.get(fingerprintOf(condition)), now)),
      ...unspoken.map(([, condition]) => unwatched(condition, now)),
    ],
  };
}

function isEnded({ since }: Condition, endedAt: number | undefined, now: number): boolean {
  return endedAt !== undefined && since !== null && since <= endedAt && now - endedAt < REPLICA_MS;
}

function isOthers({ since }: Condition, raised: Condition | undefined, now: number): boolean {
  return raised !== undefined && since !== null && since <= raised.at && now - raised.at < OTHERS_MS;
}

function unwatched(condition: Condition, now: number): Condition {
  const summary = `${condition.service}: ${condition.metric} is no longer watched`;
  return { ...condition, state: 'ok', status: 'no longer watched', summary, at: now };
}
