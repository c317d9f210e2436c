import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { isUnavailable } from '@ops/shared/streams';
import { applyResponse, decideDirectives } from '../decide/directives.js';
import { queuesFollow } from '../jobs.js';
import type { Scaler } from '../scaler.js';
import { initialResponse, readSwarmState, type SwarmState, writeGate, writeSwarmState } from '../state/swarm-limits.js';
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
  const before = stored.generation === generation ? stored.before : stored.applied;
  const applied = applyResponse(before, response, level);
  const state: SwarmState = { generation, applied, before };
  const about = { level, reason, since };
  if (stored.generation > generation || !(await writeSwarmState(redis, config.swarm.name, state, about))) {
    log.info({ generation, stored: stored.generation }, 'an older change of level, left alone');
    // It may have got as far as the queues when it was new.
    await moveQueues(scaler, stored.generation);
    return [];
  }
  await writeGate(redis, state, about);
  await moveQueues(scaler, generation);

  const acknowledgeBy = new Date(clock.now() + config.swarm.acknowledge_within);
  return decideDirectives(before, applied).map((planned, sequence) => ({
    type: 'directive.issued',
    subject: planned.target,
    host,
    data: {
      directive_id: `${host}-${generation}-${sequence}`,
      ...planned,
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
