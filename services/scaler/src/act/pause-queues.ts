import type { OpsConfig } from '@ops/shared/config';
import { keys } from '@ops/shared/events';
import type { RedisClient } from '@ops/shared/streams';
import { Queue } from 'bullmq';
import { z } from 'zod';

type Swarm = OpsConfig['swarm'];
type Named = Pick<Swarm['queues'][number], 'name' | 'prefix'>;

/** A queue that could not be paused or resumed. */
export interface QueueFailure extends Named {
  readonly error: unknown;
}

/**
 * Pauses the queues of non-revenue work; a job that runs already runs to its end. A queue that its owner had paused
 * before is not ours to resume, so ours are noted, before the pause: a crash in between must not leave one paused for ever.
 */
export async function pauseQueues(redis: RedisClient, swarm: Swarm): Promise<readonly QueueFailure[]> {
  const ours = swarm.queues.filter((queue) => queue.class === 'non-revenue');
  return each(redis, ours, async (queue, named) => {
    if (await queue.isPaused()) return;
    await redis.sadd(keys.pausedQueues(swarm.name), memberOf(named));
    await queue.pause();
  });
}

/** Resumes the queues that we paused, also one that the configuration no longer names. */
export async function resumeQueues(redis: RedisClient, swarm: Swarm): Promise<readonly QueueFailure[]> {
  const ours = (await redis.smembers(keys.pausedQueues(swarm.name))).flatMap(queueOf);
  return each(redis, ours, async (queue, named) => {
    await queue.resume();
    await redis.srem(keys.pausedQueues(swarm.name), memberOf(named));
  });
}

// Each by itself: a queue that refuses must not keep the others running in an emergency.
async function each(
  redis: RedisClient,
  all: readonly Named[],
  work: (queue: Queue, named: Named) => Promise<void>,
): Promise<readonly QueueFailure[]> {
  const failures: QueueFailure[] = [];
  for (const { name, prefix } of all) {
    // Somebody else's queue: its settings are not ours to write.
    const queue = new Queue(name, { connection: redis, prefix, skipVersionCheck: true, skipMetasUpdate: true });
    queue.on('error', () => undefined);
    try {
      await work(queue, { name, prefix });
    } catch (error) {
      failures.push({ name, prefix, error });
    } finally {
      // The connection is the service's and stays open.
      await queue.close().catch(() => undefined);
    }
  }
  return failures;
}

// A queue's name is its own only under its prefix; either may hold any character.
const member = z.tuple([z.string(), z.string().min(1)]);
const memberOf = ({ prefix, name }: Named): string => JSON.stringify([prefix, name]);

function queueOf(text: string): Named[] {
  try {
    const [prefix, name] = member.parse(JSON.parse(text));
    return [{ prefix, name }];
  } catch {
    return [];
  }
}
