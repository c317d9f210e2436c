import { catalog, type EventDraft, keys } from '@ops/shared/events';
import type { RedisClient } from '@ops/shared/streams';
import { z } from 'zod';

type Change = EventDraft<'guard.level-changed'>;

const stored = z.object({
  generation: z.int().nonnegative(),
  state: z.unknown(),
  unsaid: z
    .object({
      type: z.literal('guard.level-changed'),
      subject: z.string(),
      purpose: z.string(),
      data: catalog['guard.level-changed'].schema,
    })
    .optional()
    .catch(undefined),
});

/** What the monitor saves for its host: enough to go on, and to say what was not said yet. */
export interface SavedGuard {
  readonly generation: number;
  readonly state: unknown;
  /** A change of level that had not reached the bus. */
  readonly unsaid?: Change;
}

/** What an earlier run of the monitor saved for this host, or undefined. Rejects when Redis does not answer. */
export async function loadGuard(redis: RedisClient, host: string): Promise<SavedGuard | undefined> {
  const text = await redis.get(keys.guardState(host));
  if (text === null) return undefined;
  try {
    const { generation, state, unsaid } = stored.parse(JSON.parse(text));
    return { generation, state, ...(unsaid === undefined ? {} : { unsaid }) };
  } catch {
    return undefined;
  }
}

/** Saves the state with the words that others read (level, since, generation) on top. */
export async function saveGuard(
  redis: RedisClient,
  host: string,
  saved: SavedGuard & { level: string; since: string },
): Promise<void> {
  await redis.set(keys.guardState(host), JSON.stringify(saved));
}
