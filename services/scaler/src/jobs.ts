import { defineJob } from '@ops/shared/queues';
import { z } from 'zod';

/** Looks, when the time is over, whether a directive was acknowledged. */
export const directiveExpiry = defineJob({
  name: 'directive-expiry',
  schema: z.object({ directive_id: z.string().min(1) }),
  attempts: 5,
  backoffMs: 1000,
  purpose: ({ directive_id }) => directive_id,
});

/** Brings queues that refused in line with the level, once they answer again. */
export const queuesFollow = defineJob({
  name: 'queues-follow',
  schema: z.object({ generation: z.int().nonnegative() }),
  attempts: 10,
  backoffMs: 1000,
  purpose: ({ generation }) => String(generation),
});
