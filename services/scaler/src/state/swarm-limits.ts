import type { OpsConfig } from '@ops/shared/config';
import { keys } from '@ops/shared/events';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { AppliedResponse } from '../decide/directives.js';

/** What is in force, where it came from, and what was in force before it (for a repeat of the same change). */
export interface SwarmState {
  readonly generation: number;
  readonly applied: AppliedResponse;
  readonly before: AppliedResponse;
}

const applied = z.object({
  max_agents: z.number(),
  max_agents_non_revenue: z.number(),
  dispatch_delay_ms: z.number(),
  models: z.enum(['all', 'ollama-only', 'external-only']),
  models_bind: z.enum(['all-work', 'non-critical-work']),
  non_revenue_work: z.enum(['runs', 'paused']),
  routing: z.enum(['open', 'halted']),
  deployments: z.enum(['allowed', 'deferred', 'blocked']),
  maintenance: z.enum(['allowed', 'deferred-unless-it-frees-disk', 'deferred']),
});

/** What is in force before the first change: nothing is held back. */
export function initialResponse(config: OpsConfig): AppliedResponse {
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

/** The stored state; `initial` where nothing is stored or it cannot be read. */
export async function readSwarmState(redis: Redis, swarm: string, initial: AppliedResponse): Promise<SwarmState> {
  const hash = await redis.hgetall(keys.swarmLimits(swarm));
  const now = applied.safeParse(json(hash.applied));
  const before = applied.safeParse(json(hash.before));
  return {
    generation: now.success ? Number(hash.generation) : 0,
    applied: now.success ? now.data : initial,
    before: before.success ? before.data : initial,
  };
}

// The generation decides, not the order of arrival: a late, older change must not undo a newer one.
const WRITE_IF_NEWER = `
local stored = tonumber(redis.call('HGET', KEYS[1], 'generation') or '0')
if stored > tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'generation', ARGV[1], unpack(ARGV, 2))
return 1`;

/**
 * Writes the limits for the swarm's workers, as flat fields that any language reads with HGETALL.
 * Returns whether they were written: false where a newer generation is in force.
 */
export async function writeSwarmState(
  redis: Redis,
  swarm: string,
  state: SwarmState,
  about: { level: string; reason: string; since: string },
): Promise<boolean> {
  const fields: Record<string, string> = {
    level: about.level,
    reason: about.reason,
    since: about.since,
    max_agents: String(state.applied.max_agents),
    max_agents_non_revenue: String(state.applied.max_agents_non_revenue),
    dispatch_delay_ms: String(state.applied.dispatch_delay_ms),
    models: state.applied.models,
    models_bind: state.applied.models_bind,
    non_revenue_work: state.applied.non_revenue_work,
    routing: state.applied.routing,
    applied: JSON.stringify(state.applied),
    before: JSON.stringify(state.before),
  };
  return newer(redis, keys.swarmLimits(swarm), state.generation, fields);
}

/** Writes what deployer and maintenance read before each step that changes something. */
export async function writeGate(
  redis: Redis,
  state: SwarmState,
  about: { level: string; reason: string; since: string },
): Promise<boolean> {
  return newer(redis, keys.guardGate, state.generation, {
    ...about,
    deployments: state.applied.deployments,
    maintenance: state.applied.maintenance,
  });
}

async function newer(redis: Redis, key: string, generation: number, fields: Record<string, string>): Promise<boolean> {
  return (await redis.eval(WRITE_IF_NEWER, 1, key, String(generation), ...Object.entries(fields).flat())) === 1;
}

function json(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
