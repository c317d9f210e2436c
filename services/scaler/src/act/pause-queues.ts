import type { OpsConfig } from '@ops/shared/config';
import { keys } from '@ops/shared/events';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';

type Swarm = OpsConfig['swarm'];

/**
 * Pauses the queues of non-revenue work; a job that runs already runs to its end. A queue that its owner had paused
 * before is not ours to resume, so ours are noted, before the pause: a crash in between must not leave one paused for ever.
 */
export async function pauseQueues(redis: Redis, swarm: Swarm): Promise<void> {
  for (const named of swarm.queues.filter((queue) => queue.class === 'non-revenue')) {
    await withQueue(redis, named, async (queue) => {
      if (await queue.isPaused()) return;
      await redis.sadd(keys.pausedQueues(swarm.name), queueKey(named));
      await queue.pause();
    });
  }
}

/** Resumes the queues that we paused. */
export async function resumeQueues(redis: Redis, swarm: Swarm): Promise<void> {
  const ours = new Set(await redis.smembers(keys.pausedQueues(swarm.name)));
  for (const named of swarm.queues.filter((queue) => ours.has(queueKey(queue)))) {
    await withQueue(redis, named, (queue) => queue.resume());
    await redis.srem(keys.pausedQueues(swarm.name), queueKey(named));
  }
}

// A queue's name is its own only under its prefix.
const queueKey = ({ prefix, name }: Swarm['queues'][number]): string => `${prefix}:${name}`;

async function withQueue(
  redis: Redis,
  { name, prefix }: Swarm['queues'][number],
  work: (queue: Queue) => Promise<void>,
): Promise<void> {
  const queue = new Queue(name, { connection: redis, prefix, skipVersionCheck: true });
  try {
    await work(queue);
  } finally {
    // The connection is the service's and stays open.
    await queue.close();
  }
}
