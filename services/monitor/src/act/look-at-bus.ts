import { keys, STREAM_NAMES } from '@ops/shared/events';
import { groupLags, type RedisClient } from '@ops/shared/streams';
import type { GroupSight } from '../decide/bus-conditions.js';

/** Every group of every stream, ours and others'. Rejects as Redis does. */
export async function lookAtBus(redis: RedisClient): Promise<GroupSight[]> {
  const found = await Promise.all(
    STREAM_NAMES.map(async (stream) => {
      const lags = await groupLags(redis, stream);
      return Promise.all(
        lags.map(async ({ group, lag, pending, lastDelivered, oldestPending, unread }) => ({
          stream,
          group,
          lag,
          pending,
          marker: `${lastDelivered}/${oldestPending ?? ''}/${pending}`,
          oldestPending,
          // Who reads matters where something waits for it.
          reader: lag + pending > 0 ? await redis.get(keys.lease(stream, group)) : null,
          unread,
        })),
      );
    }),
  );
  return found.flat();
}
