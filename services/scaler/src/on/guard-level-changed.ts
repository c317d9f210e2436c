import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { pauseQueues, resumeQueues } from '../act/pause-queues.js';
import { type AppliedResponse, applyResponse, decideDirectives } from '../decide/directives.js';
import { directiveExpiry } from '../jobs.js';
import type { Scaler } from '../scaler.js';
import { rememberIssued } from '../state/directives.js';
import { readSwarmState, type SwarmState, writeGate, writeSwarmState } from '../state/swarm-limits.js';

/**
 * The host's level changed: the swarm's limits, the queues and the gates follow, and every target is told what changed.
 * Repeatable: a change that was applied but not published gives the same directives again; an older one gives none.
 */
export async function onLevelChanged(scaler: Scaler, event: OpsEvent<'guard.level-changed'>): Promise<readonly EventDraft[]> {
  const { redis, config, database, clock, queues, log } = scaler;
  const { host, level, generation, response, reason, since } = event.data;
  const stored = await readSwarmState(redis, config.swarm.name, initialResponse(scaler));
  if (stored.generation > generation) {
    log.info({ generation, stored: stored.generation }, 'an older change of level, left alone');
    return [];
  }
  const before = stored.generation === generation ? stored.before : stored.applied;
  const applied = applyResponse(before, response, level);

  if (applied.non_revenue_work === 'paused') await pauseQueues(redis, config.swarm);
  else await resumeQueues(redis, config.swarm);
  const state: SwarmState = { generation, applied, before };
  const about = { level, reason, since };
  if (!(await writeSwarmState(redis, config.swarm.name, state, about))) return [];
  await writeGate(redis, state, about);

  const acknowledgeBy = new Date(clock.now() + config.swarm.acknowledge_within);
  const issued = decideDirectives(before, applied).map((planned, sequence) => ({
    directive_id: `${host}-${generation}-${sequence}`,
    ...planned,
    level,
    generation,
    sequence,
    reason,
    acknowledge_by: acknowledgeBy.toISOString(),
  }));
  await rememberIssued(database, issued, new Date(clock.now()));
  for (const { directive_id } of issued) await queues.add(directiveExpiry, { directive_id }, config.swarm.acknowledge_within);
  return issued.map((data) => ({ type: 'directive.issued', subject: data.target, host, data }));
}

// Before the first change nothing is held back.
function initialResponse({ config }: Scaler): AppliedResponse {
  const { max_agents, max_agents_non_revenue, dispatch_delay, models } = config.guard.response.normal;
  return {
    max_agents,
    max_agents_non_revenue,
    dispatch_delay_ms: dispatch_delay,
    models,
    models_bind: 'all-work',
    non_revenue_work: 'runs',
    routing: 'open',
    deployments: 'allowed',
    maintenance: 'allowed',
  };
}
