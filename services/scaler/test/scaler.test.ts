import { randomUUID } from 'node:crypto';
import { type EventData, keys, type Level } from '@ops/shared/events';
import { eventually, faultProxy, type Recorder, recorder, type TestHost, testHost } from '@ops/shared/testing';
import { Queue } from 'bullmq';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { scaler } from '../src/index.js';
import { RESPONSES } from './responses.js';

const YAML = `
inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }
swarm:
  acknowledge_within: 3s
  queues:
    - { name: enrichment, class: non-revenue }
    - { name: paused-by-owner, class: non-revenue }
    - { name: sales, class: revenue }
`;
let host: TestHost;
let seen: Recorder;
let queues: Queue[];

beforeEach(async () => {
  host = await testHost([scaler], { yaml: YAML });
  seen = await recorder(host.redisUrl, ['ops:directives']);
  queues = ['enrichment', 'paused-by-owner', 'sales'].map(
    (name) => new Queue(name, { connection: host.redis, skipVersionCheck: true }),
  );
});

afterEach(async () => {
  await Promise.all(queues.map((queue) => queue.close()));
  await seen.close();
  await host.close();
});

const limits = () => host.redis.hgetall(keys.swarmLimits('kimi'));
const paused = () => Promise.all(queues.map((queue) => queue.isPaused()));
const expired = () =>
  seen.events.flatMap(({ event }) =>
    event?.type === 'directive.expired' ? [(event.data as EventData<'directive.expired'>).directive_id] : [],
  );
const acknowledge = (directive_id: string | undefined, target: string | undefined) =>
  host.redis.xadd('ops:directives', '*', 'type', 'directive.acknowledged', 'data', JSON.stringify({ directive_id, target }));
const issued = () =>
  seen.events.flatMap(({ event }) => (event?.type === 'directive.issued' ? [event.data as EventData<'directive.issued'>] : []));

test('emergency: non-revenue work paused, routing halted, 50 agents for revenue and none for the rest, Ollama only, gates shut', async () => {
  await queues[1]?.pause();
  await change('emergency', 'normal', 10);
  await eventually(async () => expect(issued()).toHaveLength(6));
  expect(issued().map(({ target, action, parameters, sequence }) => [sequence, target, action, parameters])).toEqual([
    [0, 'kimi-swarm', 'pause-non-revenue', {}],
    [1, 'nucleus', 'halt-routing', {}],
    [2, 'kimi-swarm', 'limit-agents', { max_agents: 50, max_agents_non_revenue: 0, dispatch_delay_ms: 100 }],
    [3, 'model-router', 'set-models', { models: 'ollama-only', bind: 'all-work' }],
    [4, 'deployer', 'gate-deployments', { deployments: 'blocked' }],
    [5, 'maintenance', 'gate-maintenance', { maintenance: 'deferred' }],
  ]);
  expect(await limits()).toMatchObject({
    level: 'emergency',
    max_agents: '50',
    max_agents_non_revenue: '0',
    models: 'ollama-only',
    non_revenue_work: 'paused',
    routing: 'halted',
  });
  expect(await host.redis.hgetall(keys.guardGate)).toMatchObject({
    deployments: 'blocked',
    maintenance: 'deferred',
    level: 'emergency',
  });
  expect(await paused()).toEqual([true, true, false]);
});

test('recovery undoes everything, in the opposite order, and leaves paused what its owner had paused', async () => {
  await queues[1]?.pause();
  await change('emergency', 'normal', 10);
  await change('normal', 'emergency', 11);
  await eventually(async () => expect(issued()).toHaveLength(12));
  expect(
    issued()
      .slice(6)
      .map(({ action }) => action),
  ).toEqual(['gate-maintenance', 'gate-deployments', 'set-models', 'limit-agents', 'resume-routing', 'resume-non-revenue']);
  expect(await limits()).toMatchObject({
    level: 'normal',
    max_agents: '500',
    models: 'all',
    non_revenue_work: 'runs',
    routing: 'open',
    dispatch_delay_ms: '0',
  });
  expect(await paused()).toEqual([false, true, false]);
});

test('warn: 200 agents and 100 ms between dispatches, nothing else', async () => {
  await change('warn', 'normal', 10);
  await eventually(() => expect(issued()).toHaveLength(1));
  expect(issued()[0]).toMatchObject({
    action: 'limit-agents',
    parameters: { max_agents: 200, max_agents_non_revenue: 200, dispatch_delay_ms: 100 },
  });
});

test('a blind guard moves no limit, and shuts the gates', async () => {
  await change('critical', 'normal', 10);
  await change('unknown', 'critical', 11);
  await eventually(async () => expect(await limits()).toMatchObject({ generation: '11' }));
  expect(await limits()).toMatchObject({ max_agents: '50', models: 'ollama-only', level: 'unknown' });
  expect(await host.redis.hgetall(keys.guardGate)).toMatchObject({ deployments: 'blocked', maintenance: 'deferred' });
});

test('a change that arrives late, with an older generation, undoes nothing', async () => {
  await change('emergency', 'normal', 20);
  await eventually(() => expect(issued()).toHaveLength(6));
  await eventually(async () => expect(await limits()).toMatchObject({ told: '1' }));
  await change('normal', 'warn', 19);
  await change('emergency', 'normal', 21);
  await eventually(async () => expect(await limits()).toMatchObject({ generation: '21' }));
  expect(issued()).toHaveLength(6);
  expect(await limits()).toMatchObject({ level: 'emergency', max_agents_non_revenue: '0' });
});

test('the same change again gives the same directives, with the same ids', async () => {
  await change('warn', 'normal', 10);
  await eventually(() => expect(issued()).toHaveLength(1));
  await change('warn', 'normal', 10);
  await eventually(() => expect(issued()).toHaveLength(2));
  expect(issued()[1]?.directive_id).toBe(issued()[0]?.directive_id);
});

test('a directive that nobody acknowledges is said to have expired; one that is acknowledged is not', async () => {
  await change('critical', 'normal', 10);
  await eventually(() => expect(issued()).toHaveLength(4));
  const [first] = issued();
  await acknowledge(first?.directive_id, first?.target);
  await seen.waitFor(
    ({ event }) => event?.type === 'directive.expired' && (event.data as { target: string }).target === 'maintenance',
  );
  await eventually(() => expect(seen.events.filter(({ event }) => event?.type === 'directive.expired')).toHaveLength(3));
  expect(
    seen.events.some(
      ({ event }) =>
        event?.type === 'directive.expired' && (event.data as { directive_id: string }).directive_id === first?.directive_id,
    ),
  ).toBe(false);
});

test('an acknowledgement that is heard before its directive was remembered counts, if it is its target who gives it', async () => {
  await acknowledge('test-host-10-0', 'kimi-swarm');
  await acknowledge('test-host-10-1', 'nucleus');
  await eventually(() => expect(host.log.filter((line) => line.includes('"event":"directive.acknowledged"'))).toHaveLength(2));
  await change('critical', 'normal', 10);
  await eventually(() => expect(expired()).toHaveLength(3));
  expect(expired().sort()).toEqual(['test-host-10-1', 'test-host-10-2', 'test-host-10-3']);
});

test('with PostgreSQL away everybody is told of an emergency; what is acknowledged meanwhile counts when it is back', async () => {
  await host.close();
  const database = new URL(host.databaseUrl);
  const proxy = await faultProxy({ port: Number(database.port) });
  database.port = String(proxy.port);
  const yaml = YAML.replace('1s', '3s');
  host = await testHost([scaler], { yaml, servers: { redisUrl: host.redisUrl, databaseUrl: database.href } });
  await proxy.refuse();
  proxy.reset();
  await change('emergency', 'normal', 10);
  await eventually(() => expect(issued()).toHaveLength(6));
  await acknowledge('test-host-10-1', 'nucleus');
  await change('normal', 'emergency', 11);
  await eventually(() => expect(issued()).toHaveLength(12));
  await proxy.heal();
  await eventually(() => expect(expired()).toHaveLength(11));
  expect(expired()).not.toContain('test-host-10-1');
  await host.close();
  await proxy.close();
});

test('what was stored and never told is told with the next change, whose repeat says the same', async () => {
  // The stream takes nothing, and the service ends.
  await host.redis.del('ops:directives');
  await host.redis.set('ops:directives', 'not a stream');
  await change('emergency', 'normal', 10);
  await eventually(async () => expect(await limits()).toMatchObject({ generation: '10' }));
  await seen.close();
  await host.hosted.stop();
  await host.redis.del('ops:directives');
  // The change would come again after the next one, as a stale one; here it does not come at all.
  const [pending] = (await host.redis.xpending('ops:guard', 'scaler', '-', '+', 1)) as [string][];
  expect(await host.redis.xack('ops:guard', 'scaler', pending?.[0] ?? '')).toBe(1);
  const ended = host;
  host = await testHost([scaler], { yaml: YAML, servers: ended });
  await ended.close();
  seen = await recorder(host.redisUrl, ['ops:directives']);

  await change('emergency', 'critical', 11);
  await eventually(() => expect(issued()).toHaveLength(6));
  expect(issued().map(({ action }) => action)).toContain('halt-routing');
  await eventually(async () => expect(await limits()).toMatchObject({ told: '1' }));
  await change('emergency', 'critical', 11);
  await eventually(() => expect(issued()).toHaveLength(12));
  expect(
    issued()
      .slice(6)
      .map(({ directive_id }) => directive_id),
  ).toEqual(
    issued()
      .slice(0, 6)
      .map(({ directive_id }) => directive_id),
  );
  // Told now: a change that changes nothing has nothing to tell.
  await change('emergency', 'critical', 12);
  await eventually(async () => expect(await limits()).toMatchObject({ generation: '12', told: '1', last_directive: '' }));
});

test('a queue that refuses holds up nothing: limits, gates, directives and the other queues follow, and it is tried again', async () => {
  await host.redis.set('bull:enrichment:meta', 'not a hash');
  await change('emergency', 'normal', 10);
  await eventually(() => expect(issued()).toHaveLength(6));
  expect(await limits()).toMatchObject({ level: 'emergency', routing: 'halted' });
  expect(await host.redis.hgetall(keys.guardGate)).toMatchObject({ deployments: 'blocked' });
  expect(await queues[1]?.isPaused()).toBe(true);
  expect(host.log.some((line) => line.includes('"queues do not follow the level"'))).toBe(true);
  await host.redis.del('bull:enrichment:meta');
  await eventually(async () => expect(await paused()).toEqual([true, true, false]));
});

test('a late emergency leaves the queues as the newer change wants them, also where it had paused one already', async () => {
  await change('normal', 'emergency', 21);
  await eventually(async () => expect(await limits()).toMatchObject({ generation: '21' }));
  await host.redis.sadd(keys.pausedQueues('kimi'), JSON.stringify(['bull', 'enrichment']));
  await queues[0]?.pause();
  await change('emergency', 'normal', 20);
  await eventually(async () => expect(await paused()).toEqual([false, false, false]));
  expect(await limits()).toMatchObject({ level: 'normal' });
  expect(await host.redis.smembers(keys.pausedQueues('kimi'))).toEqual([]);
});

test('a queue that the configuration no longer names is resumed too', async () => {
  await change('emergency', 'normal', 10);
  await eventually(async () => expect(await paused()).toEqual([true, true, false]));
  await seen.close();
  await host.close();
  host = await testHost([scaler], { yaml: YAML.replace(/.*enrichment.*\n/, ''), servers: host });
  seen = await recorder(host.redisUrl, ['ops:directives']);
  await change('normal', 'emergency', 11);
  await eventually(async () => expect(await host.redis.smembers(keys.pausedQueues('kimi'))).toEqual([]));
  const queue = new Queue('enrichment', { connection: host.redis, skipVersionCheck: true });
  expect(await queue.isPaused()).toBe(false);
  await queue.close();
});

async function change(level: Level, from: Level, generation: number): Promise<void> {
  await host.publisher.publish([
    {
      type: 'guard.level-changed',
      subject: 'test-host',
      purpose: randomUUID(),
      data: {
        host: 'test-host',
        level,
        from,
        generation,
        reason: 'CPU was at 97 %',
        metric: 'cpu',
        source: 'own',
        readings: { cpu_percent: 97, iowait_percent: 0, cpu_pressure: 80, ram_percent: 20, disk_percent: 10 },
        response: RESPONSES[level],
        top_processes: null,
        since: new Date().toISOString(),
      },
    },
  ]);
}
