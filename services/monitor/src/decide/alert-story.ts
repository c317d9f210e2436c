import { fingerprintOf } from '../fingerprint.js';
import type { Condition } from './conditions.js';

// Some hours of a host that flaps at every level, with PostgreSQL away.
const MOST = 2000;

/** What became of the conditions since they were last stored: each beginning and end, oldest first. */
export interface AlertStory {
  /** Fingerprint → what was last told of it. */
  readonly told: ReadonlyMap<string, Condition['state']>;
  readonly changes: readonly Condition[];
}

export const noStory: AlertStory = { told: new Map(), changes: [] };

/**
 * Takes a look at the conditions into the story, so that an alert that begins and ends while nothing can be stored is not lost. What
 * is unknown tells nothing; that all is well with something of which nobody has said otherwise is no news.
 */
export function tellOn({ told, changes }: AlertStory, conditions: readonly Condition[]): AlertStory {
  // All is well, mostly, and has been: that needs no fingerprints.
  const before = (condition: Condition) => (told.size === 0 ? 'ok' : (told.get(fingerprintOf(condition)) ?? 'ok'));
  const news = conditions.filter((condition) => condition.state !== 'unknown' && before(condition) !== condition.state);
  if (news.length === 0) return { told, changes };
  const next = new Map([...told, ...news.map((condition) => [fingerprintOf(condition), condition.state] as const)]);
  return { told: next, changes: [...changes, ...news].slice(-MOST) };
}

/**
 * What of the story is still to be stored, oldest first: a beginning that another monitor of this host has told of already, with its
 * end, is not told again.
 *
 * @param ended fingerprint → epoch ms at which its last episode ended
 */
export function untold(changes: readonly Condition[], ended: ReadonlyMap<string, number>): readonly Condition[] {
  return changes.filter((condition) => condition.state !== 'firing' || (ended.get(fingerprintOf(condition)) ?? 0) < condition.at);
}

/** Whether a condition changed more than once: what is so now tells only the last of it. */
export function isRoundTrip(changes: readonly Condition[]): boolean {
  return new Set(changes.map(fingerprintOf)).size < changes.length;
}
