import { opsConfig } from '@ops/shared/config';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { healthConditions } from '../../src/decide/check-conditions.js';
import { checksAfter } from '../../src/decide/check-nudges.js';
import { initialCheckState } from '../../src/decide/check-state.js';
import type { CheckState } from '../../src/decide/check-types.js';

const NOW = 1_000_000;

function inventory(...services: readonly (readonly [name: string, ...depends_on: string[]])[]) {
  const input = services.map(([name, ...depends_on]) => ({ name, depends_on, health: { tcp: { port: 80 } } }));
  return opsConfig.parse({ inventory: { services: input } }).inventory.services;
}

function state(service: string, status: CheckState['status'], more: Partial<CheckState> = {}): CheckState {
  const answered = { since: 500_000, checkedAt: NOW - 1000, answeredAt: NOW - 1000, detail: `${service} said so`, responseMs: 3 };
  return { ...initialCheckState(service, false), ...answered, status, ...more };
}

const conditionsOf = (services: ReturnType<typeof inventory>, ...states: readonly CheckState[]) =>
  healthConditions(states, services, NOW);
const said = (conditions: ReturnType<typeof conditionsOf>) =>
  Object.fromEntries(conditions.map(({ service, name, state }) => [`${service} ${name}`, state]));

describe('one service', () => {
  const crm = inventory(['crm']);
  test.each([
    ['up', 'ok', 'ok'],
    ['degraded', 'ok', 'firing'],
    // That it is not slow any more, because it is not there any more, is no good news.
    ['down', 'firing', 'unknown'],
    ['unknown', 'unknown', 'unknown'],
  ] as const)('%s: down is %s, degraded is %s', (status, down, degraded) => {
    expect(said(conditionsOf(crm, state('crm', status)))).toEqual({ 'crm down': down, 'crm degraded': degraded });
  });

  test('a condition says what was expected and what was found', () => {
    const [down] = conditionsOf(crm, state('crm', 'down', { detail: 'connection refused', since: NOW - 7 }));
    expect(down).toEqual({
      name: 'down',
      service: 'crm',
      metric: 'health',
      state: 'firing',
      severity: 'critical',
      status: 'down',
      threshold: '127.0.0.1:80 accepts a connection within 2000 ms',
      current_value: 'connection refused',
      summary: 'crm is down: connection refused',
      at: NOW,
      since: NOW - 7,
      depends_on: [],
      affects: [],
    });
    const [flapping] = conditionsOf(crm, state('crm', 'down', { detail: 'refused', relapses: 2 }));
    expect(flapping?.summary).toBe('crm is down (it flaps: recovered and fell again 2 times): refused');
    const [, slow] = conditionsOf(crm, state('crm', 'degraded', { responseMs: 2500 }));
    expect(slow).toMatchObject({ severity: 'warning', threshold: 2000, current_value: 2500 });
    const [, partial] = conditionsOf(crm, state('crm', 'degraded', { detail: '8 enabled cron jobs: expected 9' }));
    expect(partial).toMatchObject({ current_value: '8 enabled cron jobs: expected 9' });
  });

  test('long details are cut to what an event may carry', () => {
    const [down] = conditionsOf(crm, state('crm', 'down', { detail: 'x'.repeat(5000) }));
    expect(String(down?.current_value).length).toBeLessThanOrEqual(1000);
    expect(down?.summary.length).toBeLessThanOrEqual(2000);
  });

  test('a service that is paused has no condition: nobody watches it', () => {
    expect(conditionsOf(crm, state('crm', 'paused'))).toEqual([]);
  });

  test('a service without a state yet has no condition', () => {
    expect(conditionsOf(crm)).toEqual([]);
  });
});

describe('dependencies', () => {
  const names = Array.from({ length: 30 }, (_, index) => `child-${index}`);
  const family = inventory(['parent'], ...names.map((name) => [name, 'parent'] as const));

  test('one cause, one alert: a parent with thirty children down fires once and names them', () => {
    const conditions = conditionsOf(family, state('parent', 'down'), ...names.map((name) => state(name, 'down')));
    const firing = conditions.filter((condition) => condition.state === 'firing');
    expect(firing).toHaveLength(1);
    expect(firing[0]).toMatchObject({ service: 'parent', name: 'down', affects: names, depends_on: [] });
    expect(conditions.filter(({ name, state }) => name === 'down' && state === 'ok')).toEqual([]);
  });

  const pair = inventory(['parent'], ['child', 'parent']);
  test.each([
    ['the parent is well', state('parent', 'up'), 'firing'],
    ['the parent is down', state('parent', 'down'), 'unknown'],
    ['the parent is suspect', state('parent', 'up', { suspect: true }), 'unknown'],
    ['the parent is degraded only', state('parent', 'degraded'), 'firing'],
    ['the parent is paused', initialCheckState('parent', true), 'firing'],
    ['the parent was not asked yet', initialCheckState('parent', false), 'unknown'],
    ['the parent was not asked since', state('parent', 'up', { checkedAt: 400_000, answeredAt: 400_000 }), 'unknown'],
    ['the parent could not be asked since', state('parent', 'up', { answeredAt: 600_000 }), 'unknown'],
    ['nobody can tell how the parent is', state('parent', 'unknown', { answeredAt: 400_000 }), 'firing'],
    ['the parent was down when we last could tell', state('parent', 'unknown', { recent: ['failed', 'failed'] }), 'unknown'],
    ['the parent has just come back', state('parent', 'up', { since: NOW - 2000, recoveredAt: NOW - 2000 }), 'unknown'],
    ['the parent came back long ago', state('parent', 'up', { since: 600_000, recoveredAt: 600_000 }), 'firing'],
    ['the parent came back before the child fell', state('parent', 'up', { recoveredAt: 499_000 }), 'firing'],
  ])('a child that is down while %s', (_why, parent, expected) => {
    expect(said(conditionsOf(pair, parent, state('child', 'down')))['child down']).toBe(expected);
  });

  test('a child that answers well again after its parent came back is given the time', () => {
    const parent = state('parent', 'up', { since: 600_000, recoveredAt: 600_000 });
    expect(said(conditionsOf(pair, parent, state('child', 'down', { good: 1 })))['child down']).toBe('unknown');
  });

  test('a slow child of a slow parent is one alert, of the parent', () => {
    const conditions = conditionsOf(pair, state('parent', 'degraded'), state('child', 'degraded'));
    expect(said(conditions)).toMatchObject({ 'parent degraded': 'firing', 'child degraded': 'unknown' });
    expect(conditions.find(({ state }) => state === 'firing')?.affects).toEqual(['child']);
  });

  test('causes reach through services that are up themselves', () => {
    const chain = inventory(['redis'], ['cache', 'redis'], ['crm', 'cache']);
    const conditions = conditionsOf(chain, state('redis', 'down'), state('cache', 'up'), state('crm', 'down'));
    expect(said(conditions)).toMatchObject({ 'redis down': 'firing', 'cache down': 'ok', 'crm down': 'unknown' });
    expect(conditions.find(({ state }) => state === 'firing')?.affects).toEqual(['crm']);
  });

  test('in any tree exactly those fire that are down without a cause, and each that is down is named by one that fires', () => {
    const trees = fc.array(fc.record({ down: fc.boolean(), parents: fc.array(fc.nat(30), { maxLength: 3 }) }), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(trees, (nodes) => {
        const parentsOf = (index: number) =>
          index === 0 ? [] : [...new Set(nodes[index]?.parents.map((parent) => parent % index) ?? [])];
        const services = inventory(
          ...nodes.map((_, index) => [`s${index}`, ...parentsOf(index).map((parent) => `s${parent}`)] as const),
        );
        const conditions = conditionsOf(services, ...nodes.map(({ down }, index) => state(`s${index}`, down ? 'down' : 'up')));
        const firing = conditions.filter((condition) => condition.state === 'firing');
        const told = new Set(firing.flatMap(({ service, affects }) => [service, ...affects]));
        const down = nodes.flatMap((node, index) => (node.down ? [`s${index}`] : []));
        expect([...told].sort()).toEqual([...down].sort());
        for (const { service } of firing) expect(firing.some(({ affects }) => affects.includes(service))).toBe(false);
      }),
    );
  });
});

describe('who is asked next', () => {
  const services = inventory(['parent'], ['child', 'parent'], ['other', 'parent']);
  const failing = (service: string) => state(service, 'up', { recent: ['failed'], suspect: true, answeredAt: NOW });
  const after = (now: CheckState, before: CheckState, ...others: readonly CheckState[]) =>
    checksAfter(now, before, services, [now, ...others]);

  test('a failure asks for the cause, unless that is known to be in trouble', () => {
    expect(after(failing('child'), state('child', 'up'), state('parent', 'up'))).toEqual(['parent']);
    expect(after(failing('child'), state('child', 'up'), state('parent', 'up', { suspect: true }))).toEqual([]);
    expect(after(failing('child'), state('child', 'up'), state('parent', 'down'))).toEqual([]);
  });

  test('a failure that goes on asks for nobody, until the service is called down', () => {
    expect(after(failing('child'), failing('child'), state('parent', 'up'))).toEqual([]);
    const down = state('child', 'down', { recent: ['failed', 'failed'] });
    expect(after(down, failing('child'), state('parent', 'up'))).toEqual(['parent']);
    expect(after(down, down, state('parent', 'up'))).toEqual([]);
  });

  test('a good answer asks for nobody', () => {
    expect(after(state('child', 'up', { recent: ['ok'] }), state('child', 'up'), state('parent', 'up'))).toEqual([]);
  });

  test('a recovery asks those that were down without it', () => {
    const others = [state('child', 'down'), state('other', 'up')];
    expect(after(state('parent', 'up', { recent: ['ok'] }), state('parent', 'down'), ...others)).toEqual(['child']);
  });
});
