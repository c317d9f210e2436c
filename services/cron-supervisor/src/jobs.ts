import { defineJob } from '@ops/shared/queues';
import { z } from 'zod';

/** Looks at a retry when its time has come. */
export const retryDue = defineJob({
  name: 'retry-due',
  schema: z.object({ run_id: z.string().min(1), due_at: z.number() }),
  attempts: 5,
  backoffMs: 500,
  purpose: ({ run_id, due_at }) => `${run_id} ${due_at}`,
});
