import { keys } from '@ops/shared/events';
import type { Redis } from 'ioredis';
import { z } from 'zod';

const stored = z.object({ generation: z.int().nonnegative(), state: z.unknown() });

/** What an earlier run of the monitor saved for this host, or undefined. Rejects when Redis does not answer. */
export async function loadGuard(redis: Redis, host: string): Promise<{ generation: number; state: unknown } | undefined> {
  const text = await redis.get(keys.guardState(host));
  if (text === null) return undefined;
  try {
    const parsed = stored.safeParse(JSON.parse(text));
    return parsed.success ? { generation: parsed.data.generation, state: parsed.data.state } : undefined;
  } catch {
    return undefined;
  }
}

/** Saves the state with the words that others read (level, since, generation) on top. */
export async function saveGuard(
  redis: Redis,
  host: string,
  saved: { level: string; since: string; generation: number; state: unknown },
): Promise<void> {
  await redis.set(keys.guardState(host), JSON.stringify(saved));
}
