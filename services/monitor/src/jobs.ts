import { defineJob } from '@ops/shared/queues';
import { z } from 'zod';

/** Ends a silence at its time. */
export const silenceEnd = defineJob({
  name: 'silence-end',
  schema: z.object({ fingerprint: z.string().min(1), until: z.iso.datetime() }),
  attempts: 10,
  backoffMs: 1000,
  purpose: ({ fingerprint, until }) => `${fingerprint}/${until}`,
});
