import { keys, LEVELS, type Level } from '@ops/shared/events';
import type { RedisClient } from '@ops/shared/streams';
import type { GateView } from '../deployment-types.js';
import { currentFreeze } from './freezes.js';
import type { Database } from './tables.js';

/** What the guard allows now, as the scaler has written it, and whether somebody has frozen deployments. Rejects where Redis or PostgreSQL is away. */
export async function readGate(redis: RedisClient, database: Database): Promise<GateView> {
  const [hash, freeze] = await Promise.all([redis.hgetall(keys.guardGate), currentFreeze(database)]);
  const level = (LEVELS as readonly string[]).includes(hash.level ?? '') ? (hash.level as Level) : 'unknown';
  const known = hash.deployments === 'allowed' || hash.deployments === 'deferred' ? hash.deployments : 'blocked';
  return {
    level,
    deployments: known,
    reason: hash.reason ?? 'nothing is known of it',
    since: hash.since ?? '',
    freeze: freeze === undefined ? null : { by: freeze.by, reason: freeze.reason, until: freeze.until?.toISOString() ?? null },
  };
}
