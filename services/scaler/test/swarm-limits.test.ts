import { keys } from '@ops/shared/events';
import { testRedis } from '@ops/shared/testing';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type SwarmState, writeSwarmState } from '../src/state/swarm-limits.js';

const APPLIED: SwarmState['applied'] = {
  max_agents: 500,
  max_agents_non_revenue: 500,
  dispatch_delay_ms: 0,
  models: 'all',
  models_bind: 'all-work',
  non_revenue_work: 'runs',
  routing: 'open',
  deployments: 'allowed',
  maintenance: 'allowed',
};
const ABOUT = { level: 'normal', reason: 'calm', since: '2026-11-23T10:00:00.000Z' };

let redis: Redis;

beforeEach(async () => {
  redis = new Redis((await (await testRedis()).fresh()).url);
});

afterEach(() => redis.disconnect());

const write = (generation: number, decidedFrom: number) =>
  writeSwarmState(
    redis,
    'kimi',
    { generation, applied: APPLIED, followed: [APPLIED], last_directive: null, told: true },
    decidedFrom,
    ABOUT,
  );

test('of two changes that were decided from the same state one is written; the other decides again', async () => {
  expect(await write(10, 0)).toBe('written');
  expect(await write(11, 0)).toBe('moved');
  expect(await redis.hget(keys.swarmLimits('kimi'), 'generation')).toBe('10');
  expect(await write(11, 10)).toBe('written');
  expect(await write(10, 11)).toBe('older');
});
