import type { EventDraft } from '@ops/shared/events';
import { RetryableError } from '@ops/shared/streams';
import { pauseQueues, resumeQueues } from '../act/pause-queues.js';
import type { Scaler } from '../scaler.js';
import { initialResponse, readSwarmState } from '../state/swarm-limits.js';

/** Queues that could not follow a change of level are tried again, until they do. */
export async function onQueuesFollow(scaler: Scaler): Promise<readonly EventDraft[]> {
  await followQueues(scaler);
  return [];
}

/**
 * Brings the queues in line with the stored state, never with an event: whoever comes late does what the newest change
 * wants. A change that was stored meanwhile is followed too, so that a pause and a resume at once end as the newer one says.
 * Throws a RetryableError that names the queues that refused, after the others have followed.
 */
export async function followQueues({ redis, config }: Scaler): Promise<void> {
  for (;;) {
    const { generation, applied } = await readSwarmState(redis, config.swarm.name, initialResponse(config));
    const move = applied.non_revenue_work === 'paused' ? pauseQueues : resumeQueues;
    const failures = await move(redis, config.swarm);
    const now = await readSwarmState(redis, config.swarm.name, initialResponse(config));
    if (now.generation !== generation) continue;
    if (failures.length === 0) return;
    throw new RetryableError('QUEUES_DO_NOT_FOLLOW', 'queues could not be brought in line with the level', {
      fields: { queues: failures.map(({ prefix, name, error }) => `${prefix}:${name}: ${String(error)}`) },
      cause: new AggregateError(failures.map(({ error }) => error)),
    });
  }
}
