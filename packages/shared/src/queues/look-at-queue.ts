import type { Queue } from 'bullmq';
import type { RedisClient } from '../streams/index.js';
import type { Glance } from './watchdog.js';

// BullMQ puts the time of a delayed job and a counter into one score.
const SCORE_PER_MS = 0x1000;

/** How the queue stands. Rejects where Redis does not answer. */
export async function lookAtQueue(queue: Queue, client: RedisClient): Promise<Omit<Glance, 'begun'>> {
  const at = Date.now();
  const [counts, delayed, paused] = await Promise.all([
    queue.getJobCounts('waiting', 'prioritized', 'active'),
    client.zcount(queue.toKey('delayed'), '-inf', at * SCORE_PER_MS),
    queue.isPaused(),
  ]);
  const { waiting = 0, prioritized = 0, active = 0 } = counts;
  return { at, due: waiting + prioritized + delayed, active, paused };
}
