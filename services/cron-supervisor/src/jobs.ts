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

/** Our own work, at a slot of its schedule. */
export const ownWorkDue = defineJob({
  name: 'own-work-due',
  schema: z.object({ job: z.string().min(1), slot: z.number() }),
  attempts: 3,
  backoffMs: 1000,
  purpose: ({ job, slot }) => `${job} ${slot}`,
});
