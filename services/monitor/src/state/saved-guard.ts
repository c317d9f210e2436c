import { catalog, type EventDraft } from '@ops/shared/events';
import { z } from 'zod';

type Change = EventDraft<'guard.level-changed'>;

const stored = z.object({
  generation: z.int().nonnegative(),
  saved_at: z.number().nonnegative().default(0),
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
  /** Epoch ms. */
  readonly savedAt: number;
  readonly state: unknown;
  /** A change of level that had not reached the bus. */
  readonly unsaid?: Change;
}

/** A saved guard from its text; undefined for what is none (cut off, of another program). */
export function readSavedGuard(text: string | null): SavedGuard | undefined {
  if (text === null) return undefined;
  try {
    const { generation, saved_at: savedAt, state, unsaid } = stored.parse(JSON.parse(text));
    return { generation, savedAt, state, ...(unsaid === undefined ? {} : { unsaid }) };
  } catch {
    return undefined;
  }
}
