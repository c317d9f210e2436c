import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { isUnavailable, RetryableError } from '@ops/shared/streams';
import { applyResponse, decideDirectives } from '../decide/directives.js';
import { queuesFollow } from '../jobs.js';
import type { Scaler } from '../scaler.js';
import {
  initialResponse,
  maybeFollowed,
  readSwarmState,
  type SwarmState,
  writeGate,
  writeSwarmState,
} from '../state/swarm-limits.js';
import { followQueues } from './queues-follow.js';

/**
 * The host's level changed: the swarm's limits, the gates and the queues follow, and every target is told what changed.
 * It needs Redis alone: with PostgreSQL away, an emergency is obeyed all the same.
 * Repeatable: a change that was applied but not published gives the same directives again; an older one gives none.
 */
export async function onLevelChanged(scaler: Scaler, event: OpsEvent<'guard.level-changed'>): Promise<readonly EventDraft[]> {
  const { redis, config, clock, log } = scaler;
  const { host, level, generation, response, reason, since } = event.data;
  const stored = await readSwarmState(redis, config.swarm.name, initialResponse(config));
  const again = stored.generation === generation;
  const followed = again ? stored.followed : maybeFollowed(stored);
  const applied = applyResponse(followed.at(-1) ?? stored.applied, response, level);
  const planned = decideDirectives(followed, applied);
  const idOf = (sequence: number) => `${host}-${generation}-${sequence}`;
  const state: SwarmState = {
    generation,
    applied,
    followed,
    last_directive: planned.length === 0 ? null : idOf(planned.length - 1),
    told: planned.length === 0 || (again && stored.told),
  };
  const about = { level, reason, since };
  const written = await writeSwarmState(redis, config.swarm.name, state, stored.generation, about);
  if (written === 'moved') throw new RetryableError('SWARM_STATE_MOVED', 'another change of level was stored meanwhile');
  if (written === 'older') {
    log.info({ generation, stored: stored.generation }, 'an older change of level, left alone');
    // It may have got as far as the queues when it was new.
    await moveQueues(scaler, stored.generation);
    return [];
  }
  await writeGate(redis, state, about);
  await moveQueues(scaler, generation);

  const acknowledgeBy = new Date(clock.now() + config.swarm.acknowledge_within);
  return planned.map((directive, sequence) => ({
    type: 'directive.issued',
    subject: directive.target,
    host,
    data: {
      directive_id: idOf(sequence),
      ...directive,
      level,
      generation,
      sequence,
      reason,
      acknowledge_by: acknowledgeBy.toISOString(),
    },
  }));
}

// After limits and gates, and never in their way: queues that refuse are tried again by a job, the directives go out.
async function moveQueues(scaler: Scaler, generation: number): Promise<void> {
  const { queues, log } = scaler;
  try {
    await followQueues(scaler);
  } catch (error) {
    if (isUnavailable(error)) throw error;
    log.error({ generation, error }, 'queues do not follow the level');
    await queues.add(queuesFollow, { generation }).catch((refused: unknown) => {
      if (isUnavailable(refused)) throw refused;
      log.error({ generation, error: refused }, 'queues that do not follow will not be tried again');
    });
  }
}
