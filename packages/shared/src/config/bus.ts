import { z } from 'zod';
import { duration } from './units.js';

// appendfsync everysec, and Redis waits up to 2 s for a slow disk.
const SYNC_MS = 3000;

/** How events travel: what the Redis must be, who must have a copy, what waits on disk, who reads. Reasons are in docs/bus.md. */
export const busConfig = z
  .strictObject({
    unsafe_redis: z
      .enum(['refuse', 'warn'])
      .default('refuse')
      .describe('What happens with a Redis that forgets (no append-only file) or evicts (maxmemory-policy)'),
    min_replicas: z
      .int()
      .min(0)
      .max(10)
      .default(0)
      .describe('Replicas that must have confirmed a guard level or a deploy request before it counts as published'),
    confirm_disk: z
      .boolean()
      .default(false)
      .describe('They must be on the disk of the server (and of these replicas) too; needs Redis or Valkey 7.2'),
    replica_timeout: duration('1s', 10, 60_000).describe('How long these confirmations are waited for'),
    spool: z
      .strictObject({
        max_mb: z.int().min(1).max(100_000).default(256).describe('MB per service; past it events are refused'),
      })
      .prefault({}),
    lease: duration('10s', 1000, 300_000).describe('After this silence of the member that reads a stream another one takes over'),
    stuck_after: duration('20s', 1000, 3_600_000).describe('A group with work and without progress for so long raises an alert'),
  })
  .refine(({ confirm_disk, replica_timeout }) => !confirm_disk || replica_timeout >= SYNC_MS, {
    path: ['replica_timeout'],
    error: 'at least 3s with confirm_disk: Redis syncs its append-only file every second, and a sync may take two',
  })
  .prefault({});
