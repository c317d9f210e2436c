import { isDeepStrictEqual } from 'node:util';
import type { OpsConfig } from '@ops/shared/config';
import { keys } from '@ops/shared/events';
import type { RedisClient } from '@ops/shared/streams';
import { z } from 'zod';
import type { AppliedResponse } from '../decide/directives.js';

/**
 * What is in force, and what the targets of directives may be following.
 *
 * What is in force was stored before its directives were published, so a change that was stored need not have been told:
 * a process may end in between, and a newer change be handled first, after which the older one is stale and tells nothing.
 * The next change therefore differs from whatever a target may have been told last: from what is in force where its last
 * directive was seen on the stream (`told`; they are written in order), else also from all that it was to replace
 * (`followed`). At worst a target is told again what it knows. `followed` is stored with the change and does not move
 * while the change is the newest, so a repeat of the change gives the same directives.
 */
export interface SwarmState {
  readonly generation: number;
  readonly applied: AppliedResponse;
  /** What a target may have followed before this change, the newest last; never empty. */
  readonly followed: readonly AppliedResponse[];
  /** The last directive of this change; null where there was nothing to tell. */
  readonly last_directive: string | null;
  /** Whether the directives of this change are known to be out. */
  readonly told: boolean;
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
export async function readSwarmState(redis: RedisClient, swarm: string, initial: AppliedResponse): Promise<SwarmState> {
  const hash = await redis.hgetall(keys.swarmLimits(swarm));
  const now = applied.safeParse(json(hash.applied));
  if (!now.success) return { generation: 0, applied: initial, followed: [initial], last_directive: null, told: true };
  const followed = z.array(applied).min(1).safeParse(json(hash.followed));
  return {
    generation: Number(hash.generation),
    applied: now.data,
    followed: followed.success ? followed.data : [initial],
    last_directive: hash.last_directive || null,
    told: hash.told === '1',
  };
}

/** What targets may be following when this state is replaced, the newest last. */
export function maybeFollowed({ told, followed, applied }: SwarmState): readonly AppliedResponse[] {
  if (told) return [applied];
  const others = followed.filter((response) => !isDeepStrictEqual(response, applied));
  return [...others, applied];
}

// The generation decides, not the order of arrival: a late, older change must not undo a newer one.
const WRITE_IF_NEWER = `
local stored = tonumber(redis.call('HGET', KEYS[1], 'generation') or '0')
if stored > tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'generation', ARGV[1], unpack(ARGV, 2))
return 1`;

// As above, and decided from what is stored: two changes at once must each know of the other, or one of them would tell
// the difference to a response that nobody follows any more.
const WRITE_IF_UNMOVED = `
local stored = tonumber(redis.call('HGET', KEYS[1], 'generation') or '0')
if stored > tonumber(ARGV[1]) then return 'older' end
if stored ~= tonumber(ARGV[2]) then return 'moved' end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'generation', ARGV[1], unpack(ARGV, 3))
return 'written'`;

/**
 * Writes the limits for the swarm's workers, as flat fields that any language reads with HGETALL.
 * `older`: a newer generation is in force; `moved`: what is stored is no longer the generation that this was decided from.
 */
export async function writeSwarmState(
  redis: RedisClient,
  swarm: string,
  state: SwarmState,
  decidedFrom: number,
  about: { level: string; reason: string; since: string },
): Promise<'written' | 'older' | 'moved'> {
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
    followed: JSON.stringify(state.followed),
    last_directive: state.last_directive ?? '',
    told: state.told ? '1' : '0',
  };
  const values = [String(state.generation), String(decidedFrom), ...Object.entries(fields).flat()];
  return (await redis.eval(WRITE_IF_UNMOVED, 1, keys.swarmLimits(swarm), ...values)) as 'written' | 'older' | 'moved';
}

// Only of the change that is in force: an older one's directives say nothing about this one's.
const MARK_TOLD = `
if redis.call('HGET', KEYS[1], 'last_directive') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'told', '1')
return 1`;

/** A directive is out; the last one of a change says that all of them are. */
export async function markTold(redis: RedisClient, swarm: string, directiveId: string): Promise<void> {
  await redis.eval(MARK_TOLD, 1, keys.swarmLimits(swarm), directiveId);
}

/** Writes what deployer and maintenance read before each step that changes something. */
export async function writeGate(
  redis: RedisClient,
  state: SwarmState,
  about: { level: string; reason: string; since: string },
): Promise<boolean> {
  return newer(redis, keys.guardGate, state.generation, {
    ...about,
    deployments: state.applied.deployments,
    maintenance: state.applied.maintenance,
  });
}

async function newer(redis: RedisClient, key: string, generation: number, fields: Record<string, string>): Promise<boolean> {
  return (await redis.eval(WRITE_IF_NEWER, 1, key, String(generation), ...Object.entries(fields).flat())) === 1;
}

function json(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
