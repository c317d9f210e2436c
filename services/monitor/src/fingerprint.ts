import { createHash } from 'node:crypto';
import type { Condition } from './decide/conditions.js';

/** The identity of a condition: 16 hex digits of its service, metric and name. */
export function fingerprintOf({ service, metric, name }: Pick<Condition, 'service' | 'metric' | 'name'>): string {
  const identity = JSON.stringify([service, metric, name]);
  const known = made.get(identity);
  if (known !== undefined) return known;
  const fingerprint = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  // What is reported from outside may have any name: the memory has an end.
  if (made.size >= MOST) made.clear();
  made.set(identity, fingerprint);
  return fingerprint;
}

// The same conditions are looked at every second.
const MOST = 10_000;
const made = new Map<string, string>();
