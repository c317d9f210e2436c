import { createHash } from 'node:crypto';
import type { Condition } from './decide/conditions.js';

/** The identity of a condition: 16 hex digits of its service, metric and name. */
export function fingerprintOf({ service, metric, name }: Pick<Condition, 'service' | 'metric' | 'name'>): string {
  return createHash('sha256')
    .update(JSON.stringify([service, metric, name]))
    .digest('hex')
    .slice(0, 16);
}
