import { describe, expect, test } from 'vitest';
import type { ComposeService } from '../../src/compose-model.js';
import { judgeGate } from '../../src/decide/gate.js';
import { resumeStep } from '../../src/decide/next-step.js';
import { startOrder } from '../../src/decide/order.js';
import { isHarmless, secretForms } from '../../src/decide/secret-forms.js';
import { strategyOf } from '../../src/decide/strategy.js';
import { composeDuration, earliestHealthyMs } from '../../src/decide/timing.js';
import { stopWaves } from '../../src/decide/waves.js';
import type { GateView } from '../../src/deployment-types.js';
import type { ContainerFacts } from '../../src/engine-facts.js';

const view = (level: GateView['level'], more: Partial<GateView> = {}): GateView => ({
  level,
  deployments: level === 'critical' ? 'deferred' : level === 'emergency' || level === 'unknown' ? 'blocked' : 'allowed',
  reason: 'r',
  since: '',
  freeze: null,
  ...more,
});

test.each<[string, GateView, number, string]>([
  ['normal', view('normal'), 0, 'open'],
  ['warn', view('warn'), 0, 'open'],
  ['critical', view('critical'), 0, 'deferred'],
  ['emergency', view('emergency'), 0, 'blocked'],
  ['unknown for a moment', view('unknown'), 10, 'deferred'],
  ['unknown for long', view('unknown'), 1000, 'blocked'],
  ['normal, and the gate says no', view('normal', { deployments: 'blocked' }), 0, 'blocked'],
  ['frozen', view('normal', { freeze: { by: 'm', reason: 'x', until: null } }), 0, 'deferred'],
  ['frozen at emergency', view('emergency', { freeze: { by: 'm', reason: 'x', until: null } }), 0, 'blocked'],
])('the gate at %s is %s', (_what, gate, unknownFor, kind) => expect(judgeGate(gate, unknownFor, 100).kind).toBe(kind));

describe('order', () => {
  const stack = [
    { service: 'web', dependsOn: ['api'] },
    { service: 'api', dependsOn: ['db', 'cache'] },
    { service: 'db', dependsOn: [] },
    { service: 'cache', dependsOn: [] },
  ];
  test('starts what is needed first, stops what needs first', () => {
    expect(startOrder(stack).map(({ service }) => service)).toEqual(['cache', 'db', 'api', 'web']);
    expect(stopWaves(stack).map((wave) => wave.map(({ service }) => service))).toEqual([['web'], ['api'], ['db', 'cache']]);
  });
  test('ends also with a cycle', () => {
    const cycle = [
      { service: 'a', dependsOn: ['b'] },
      { service: 'b', dependsOn: ['a'] },
    ];
    expect(startOrder(cycle)).toHaveLength(2);
    expect(stopWaves(cycle)).toEqual([cycle]);
  });
});

describe('two versions at once', () => {
  const running = [{ anonymousVolumes: [] }] as unknown as ContainerFacts[];
  test.each<[string, ComposeService, boolean, string]>([
    ['nothing in the way', {}, true, 'start-first'],
    ['nobody allowed it', {}, false, 'stop-first'],
    ['a port of the host', { ports: [{ target: 80, published: '80' }] }, true, 'stop-first'],
    ['a port that Docker chooses', { ports: [{ target: 80 }] }, true, 'start-first'],
    ['a volume that both would write', { volumes: [{ type: 'volume', target: '/d' }] }, true, 'stop-first'],
    ['a volume that is read', { volumes: [{ type: 'bind', target: '/d', read_only: true }] }, true, 'start-first'],
    ['a fixed name', { container_name: 'x' }, true, 'stop-first'],
    ['a fixed address', { networks: { a: { ipv4_address: '1.2.3.4' } } }, true, 'stop-first'],
    ['the network of the host', { network_mode: 'host' }, true, 'stop-first'],
  ])('%s', (_what, service, allowed, strategy) => expect(strategyOf(service, running, allowed)).toBe(strategy));

  test('volumes without a name: in place', () => {
    const withVolume = [{ anonymousVolumes: ['a'.repeat(64)] }] as unknown as ContainerFacts[];
    expect(strategyOf({}, withVolume, true)).toBe('in-place');
  });
});

test('durations as Compose prints them, and when a service can be healthy at the earliest', () => {
  expect(['1m30s', '500ms', '2h', '1.5s', '', undefined].map(composeDuration)).toEqual([90_000, 500, 7_200_000, 1500, 0, 0]);
  const check = { test: ['CMD', 'true'] };
  expect(earliestHealthyMs({}, undefined)).toBe(0);
  expect(earliestHealthyMs({ healthcheck: check }, undefined)).toBe(30_000);
  expect(earliestHealthyMs({ healthcheck: { ...check, interval: '5s' } }, undefined)).toBe(5000);
  expect(
    earliestHealthyMs(
      { healthcheck: { disable: true } },
      { id: 'i', digests: [], healthcheck: { test: ['CMD'], intervalMs: 1, startPeriodMs: 0 } },
    ),
  ).toBe(0);
});

test('after a wait it begins at the gate again while nothing is touched; afterwards it goes on where it was', () => {
  expect(resumeStep('approval', false, true)).toBe('gate');
  expect(resumeStep('apply', false, true)).toBe('gate');
  expect(resumeStep('gate', false, true)).toBe('gate');
  expect(resumeStep('verify', true, false)).toBe('verify');
  expect(resumeStep('roll-back', true, false)).toBe('roll-back');
});

describe('secrets in the output of others', () => {
  test.each(['8080', 'true', 'production', '/var/lib/data', 'redis:6379', 'db.internal:5432', '1.5'])('%s is none', (value) =>
    expect(isHarmless(value)).toBe(true),
  );
  test.each(['hunter2hunter2', 'postgres://u:p@h/d', 'S3cret!', 'two words'])('%s may be one', (value) =>
    expect(isHarmless(value)).toBe(false),
  );
  test.each([0, 1, 2, 3, 4, 5])(
    'base64 of a longer text is found where the secret begins at any place (%s before it)',
    (before) => {
      const value = "it's a $ecret/ä";
      const text = Buffer.from(`${'y'.repeat(before)}${value}zzz`).toString('base64');
      expect(secretForms(value).some((form) => text.includes(form))).toBe(true);
    },
  );
});
