import { defineJob } from '@ops/shared/queues';
import { z } from 'zod';

/** Looks again at a deployment that waits: for the guard, an approval or the engine. */
export const deploymentDue = defineJob({
  name: 'deployment-due',
  schema: z.object({ deployment_id: z.string().min(1), at: z.string() }),
  attempts: 5,
  backoffMs: 1000,
  purpose: ({ deployment_id, at }) => `${deployment_id} ${at}`,
});
