import { keys, STREAM_NAMES } from '@ops/shared/events';
import { groupLags, listUnread, type RedisClient } from '@ops/shared/streams';
import type { GroupSight } from '../decide/bus-conditions.js';

/** Every group of every stream, ours and others'. Rejects as Redis does. */
export async function lookAtBus(redis: RedisClient): Promise<GroupSight[]> {
  const found = await Promise.all(
    STREAM_NAMES.map(async (stream) => {
      const [lags, lost] = await Promise.all([groupLags(redis, stream), listUnread(redis, stream)]);
      return Promise.all(
        lags.map(async ({ group, lag, pending, lastDelivered, oldestPending }) => {
          const unread = lost.find((one) => one.group === group);
          return {
            stream,
            group,
            lag,
            pending,
            marker: `${lastDelivered}/${oldestPending ?? ''}/${pending}`,
            oldestPending,
            reader: await redis.get(keys.lease(stream, group)),
            unread: unread === undefined ? null : { entries: unread.entries, at: unread.at },
          };
        }),
      );
    }),
  );
  return found.flat();
}
