import { keys, LEVELS, type Level } from '@ops/shared/events';
import type { RedisClient } from '@ops/shared/streams';

/** The guard's level, as the scaler has written it; unknown where nobody has. Rejects where Redis is away. */
export async function guardLevel(redis: RedisClient): Promise<Level> {
  const level = await redis.hget(keys.guardGate, 'level');
  return (LEVELS as readonly string[]).includes(level ?? '') ? (level as Level) : 'unknown';
}
