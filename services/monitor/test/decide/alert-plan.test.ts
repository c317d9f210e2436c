import { describe, expect, test } from 'vitest';
import { decideAlerts } from '../../src/decide/alert-plan.js';
import type { Condition } from '../../src/decide/conditions.js';
import { fingerprintOf } from '../../src/fingerprint.js';
import { conditionOf } from './condition-of.js';

const NOW = 1_000_000;
const condition = (state: Condition['state'], over: Partial<Condition> = {}) =>
  conditionOf(state, { at: NOW, since: NOW, ...over });
const firing = (raised: Condition) => new Map([[fingerprintOf(raised), raised]]);
const none = new Map<string, Condition>();
const endedAt = (at: number) => new Map([[fingerprintOf(condition('ok')), at]]);

describe('one monitor', () => {
  test('raises what fires and is not raised, clears what is over, and nothing for what is unknown', () => {
    expect(decideAlerts([condition('firing')], none, NOW).raise).toHaveLength(1);
    expect(decideAlerts([condition('firing')], firing(condition('firing')), NOW)).toMatchObject({ raise: [], clear: [] });
    const raised = condition('firing', { at: NOW - 60_000 });
    expect(decideAlerts([condition('ok')], firing(raised), NOW).clear).toHaveLength(1);
    expect(decideAlerts([condition('unknown')], firing(raised), NOW)).toMatchObject({ raise: [], clear: [] });
  });

  test('clears what nobody watches any more, unless nobody can look yet', () => {
    const raised = condition('firing', { at: NOW - 60_000 });
    expect(decideAlerts([], firing(raised), NOW).clear).toMatchObject([{ state: 'ok', status: 'no longer watched' }]);
    expect(decideAlerts([], firing(raised), NOW, new Map(), ['health']).clear).toEqual([]);
  });
});

describe('two monitors of one host', () => {
  test('one that has not seen it fall does not end what the other has begun, for ten minutes', () => {
    const well = condition('ok', { since: NOW - 3_600_000 });
    expect(decideAlerts([well], firing(condition('firing', { at: NOW - 1_000 })), NOW)).toMatchObject({ clear: [], waits: true });
    expect(decideAlerts([well], firing(condition('firing', { at: NOW - 600_000 })), NOW).clear).toHaveLength(1);
  });

  test('one that still sees what the other has ended does not begin it again, for half a minute', () => {
    const still = condition('firing', { since: NOW - 5_000 });
    expect(decideAlerts([still], none, NOW, endedAt(NOW - 1_000))).toMatchObject({ raise: [], waits: true });
    expect(decideAlerts([still], none, NOW, endedAt(NOW - 30_000)).raise).toHaveLength(1);
    // It has fallen anew since.
    expect(decideAlerts([condition('firing', { since: NOW - 500 })], none, NOW, endedAt(NOW - 1_000)).raise).toHaveLength(1);
  });
});
