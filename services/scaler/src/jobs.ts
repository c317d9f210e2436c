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
