import type { EventData } from '@ops/shared/events';
import { eventually } from '@ops/shared/testing';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CpuLoad, cpuLoad } from '../load.js';
import { openScene, type Scene } from './scene.js';

const YAML = `
inventory:
  services:
    - { name: absent, port: 1, health: { tcp: { port: 1 } }, paused: true }
guard:
  cpu: { calm: 3s }
  reports: { calm: 1s }
swarm: { queues: [{ name: enrichment, class: non-revenue }, { name: sales, class: revenue }] }
`;

let scene: Scene;
let load: CpuLoad;
let redis: Redis;
let queues: Queue[];

beforeAll(async () => {
  scene = await openScene(YAML);
  redis = new Redis(scene.instance.redisUrl, { maxRetriesPerRequest: null });
  queues = ['enrichment', 'sales'].map((name) => new Queue(name, { connection: redis }));
  load = cpuLoad();
}, 120_000);

afterAll(async () => {
  load.end();
  await Promise.all(queues.map((queue) => queue.close()));
  redis.disconnect();
  expect(await scene.close()).toBe(0);
}, 60_000);

const limits = () => redis.hgetall('ops:swarm:kimi:limits');
const gate = () => redis.hgetall('ops:guard:gate');
const issued = (level: string) => scene.all('directive.issued').filter((directive) => directive.level === level);
const told = (severity: string) =>
  scene
    .all('notice.published')
    .filter((notice) => notice.severity === severity)
    .map(({ audience }) => audience);

/** Raises the load step by step until the host is at a level: a real load has noise of its own. */
async function climb(to: 'warn' | 'critical' | 'emergency', from: number): Promise<number> {
  let duty = from;
  let climbed: EventData<'guard.level-changed'> | undefined;
  while (climbed === undefined && duty <= 1) {
    load.set(duty);
    climbed = await scene.level(to, 1500).catch(() => undefined);
    if (climbed === undefined) duty = Math.min(duty + 0.02, duty === 1 ? 2 : 1);
  }
  return climbed === undefined ? scene.level(to, 5000).then(() => duty) : duty;
}

describe('a real CPU load drives the protocol', () => {
  let duty = 0.5;

  test('WARN: 200 agents, 100 ms between dispatches, logged, no incident', { timeout: 60_000 }, async () => {
    await scene.level('normal');
    duty = await climb('warn', duty);
    await eventually(async () =>
      expect(await limits()).toMatchObject({ level: 'warn', max_agents: '200', dispatch_delay_ms: '100', models: 'all' }),
    );
    await eventually(() => expect(issued('warn').map(({ action }) => action)).toEqual(['limit-agents']));
    expect(scene.all('incident.opened')).toEqual([]);
    expect(await gate()).toMatchObject({ deployments: 'allowed', maintenance: 'allowed' });
  });

  test('CRITICAL: 50 agents, Ollama only for non-critical work, deployments and maintenance deferred, Nucleus and Chief of Staff told', {
    timeout: 60_000,
  }, async () => {
    duty = await climb('critical', duty);
    await eventually(async () =>
      expect(await limits()).toMatchObject({
        level: 'critical',
        max_agents: '50',
        models: 'ollama-only',
        models_bind: 'non-critical-work',
        non_revenue_work: 'runs',
      }),
    );
    await eventually(async () =>
      expect(await gate()).toMatchObject({ deployments: 'deferred', maintenance: 'deferred-unless-it-frees-disk' }),
    );
    await eventually(() =>
      expect(issued('critical').map(({ action }) => action)).toEqual([
        'limit-agents',
        'set-models',
        'gate-deployments',
        'gate-maintenance',
      ]),
    );
    await eventually(() => expect(told('critical')).toEqual(['nucleus', 'chief-of-staff']));
    const [incident] = scene.all('incident.opened');
    expect(incident).toMatchObject({ kind: 'guard', severity: 'critical' });
    expect(incident?.evidence[0]?.facts?.top_processes).toBeTruthy();
  });

  test('EMERGENCY: non-revenue work paused, Nucleus told to halt routing, Maurice alerted on the console and in the log', {
    timeout: 60_000,
  }, async () => {
    duty = await climb('emergency', duty);
    await eventually(async () =>
      expect(await limits()).toMatchObject({
        level: 'emergency',
        max_agents: '50',
        max_agents_non_revenue: '0',
        routing: 'halted',
      }),
    );
    await eventually(async () => expect(await Promise.all(queues.map((queue) => queue.isPaused()))).toEqual([true, false]));
    expect(await gate()).toMatchObject({ deployments: 'blocked', maintenance: 'deferred' });
    await eventually(() =>
      expect(issued('emergency').map(({ action }) => action)).toEqual(
        expect.arrayContaining(['pause-non-revenue', 'halt-routing', 'limit-agents']),
      ),
    );
    await eventually(() => expect(told('emergency')).toEqual(['nucleus', 'chief-of-staff', 'maurice']));
    await eventually(() => expect(scene.instance.said()).toMatch(/^EMERGENCY: .+CPU/m));
    const guard = await scene.instance.json<{ level: string; response: { non_revenue_work: string } }>('guard');
    expect(guard).toMatchObject({ level: 'emergency', response: { non_revenue_work: 'paused', deployments: 'blocked' } });
    const alerts = await scene.instance.json<{ metric: string; severity: string }[]>('alerts');
    expect(alerts).toContainEqual(expect.objectContaining({ metric: 'guard-level', severity: 'emergency' }));
  });

  test('recovery: everything is undone, in order, and the incident is resolved', { timeout: 60_000 }, async () => {
    const before = scene.all('directive.issued').length;
    load.set(0);
    await eventually(
      async () =>
        expect(await limits()).toMatchObject({
          level: 'normal',
          max_agents: '500',
          models: 'all',
          routing: 'open',
          dispatch_delay_ms: '0',
        }),
      { within: 30_000 },
    );
    await eventually(async () => expect(await Promise.all(queues.map((queue) => queue.isPaused()))).toEqual([false, false]));
    expect(await gate()).toMatchObject({ deployments: 'allowed', maintenance: 'allowed' });
    await eventually(() =>
      expect(
        scene
          .all('directive.issued')
          .slice(before)
          .map(({ action }) => action),
      ).toContain('resume-non-revenue'),
    );
    const undone = scene
      .all('directive.issued')
      .slice(before)
      .map(({ action }) => action);
    for (const action of [
      'gate-maintenance',
      'gate-deployments',
      'set-models',
      'limit-agents',
      'resume-routing',
      'resume-non-revenue',
    ])
      expect(undone).toContain(action);
    expect(undone.indexOf('limit-agents')).toBeLessThan(undone.lastIndexOf('resume-non-revenue') + 1);
    await eventually(() => expect(scene.all('incident.resolved')).toHaveLength(1));
    const [incident] = await scene.instance.json<{ resolution: string; severity: string }[]>('incidents');
    expect(incident).toMatchObject({ severity: 'emergency' });
    expect(incident?.resolution).toContain('→');
  });
});
