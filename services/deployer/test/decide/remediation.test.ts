import { describe, expect, test } from 'vitest';
import { judgeRemediation, type PastRestart } from '../../src/decide/remediation.js';

const S = 1000;
const MIN = 60 * S;
const HOUR = 60 * MIN;
const NOW = Date.parse('2026-11-25T12:00:00Z');
const policy = { first_pause: 30 * S, factor: 2, longest_pause: 3 * MIN, ceiling: 5, within: HOUR };
const ago = (...ages: number[]): PastRestart[] => ages.map((age) => ({ services: ['web'], endedAt: NOW - age }));
const judged = (past: readonly PastRestart[], services: readonly string[] = ['web']) => {
  const verdict = judgeRemediation(services, past, policy, NOW);
  return verdict.kind === 'wait' ? `wait ${(verdict.until - NOW) / S}` : verdict.kind;
};

test.each<[string, PastRestart[], string]>([
  ['the first one', [], 'now'],
  ['the second one at once', ago(0), 'wait 30'],
  ['the second one a little later', ago(10 * S), 'wait 20'],
  ['the second one after its pause', ago(30 * S), 'now'],
  ['the third one: twice as long', ago(5 * MIN, 0), 'wait 60'],
  ['the fourth one: four times, in whatever order they are told', ago(0, 9 * MIN, 5 * MIN), 'wait 120'],
  ['the fifth one: no longer than the longest pause', ago(20 * MIN, 9 * MIN, 5 * MIN, 0), 'wait 180'],
  ['the fifth one after it', ago(20 * MIN, 9 * MIN, 5 * MIN, 3 * MIN), 'now'],
  ['past the ceiling', ago(40 * MIN, 20 * MIN, 9 * MIN, 5 * MIN, 4 * MIN), 'blocked'],
  ['when the oldest of them is forgotten', ago(HOUR, 20 * MIN, 9 * MIN, 5 * MIN, 4 * MIN), 'now'],
  ['after a healthy stretch', ago(2 * HOUR, HOUR + 2 * MIN, HOUR), 'now'],
  ['soon after the first one since a healthy stretch', ago(HOUR + MIN, 0), 'wait 30'],
])('%s', (_what, past, expected) => expect(judged(past)).toBe(expected));

describe('whose restarts count', () => {
  const of = (...services: string[]) => [{ services, endedAt: NOW }];
  test.each<[string, PastRestart[], string[], string]>([
    ['those of another service do not', of('api'), ['web'], 'now'],
    ['those of the whole project do', of(), ['web'], 'wait 30'],
    ['all of them, for the whole project', of('api'), [], 'wait 30'],
    ['those of several services with it', of('api', 'web'), ['web'], 'wait 30'],
  ])('%s', (_what, past, services, expected) => expect(judged(past, services)).toBe(expected));
});

test('what is said: how many there were, until when it waits, and when the next one may be', () => {
  const waits = judgeRemediation(['web'], ago(5 * MIN, 0), policy, NOW);
  expect(waits).toMatchObject({
    reason: 'restarted by remediation 2 in the last 1 h: it waits until 2026-11-25T12:01:00.000Z, 1 min after the last one',
  });
  const blocked = judgeRemediation(['web'], ago(40 * MIN, 20 * MIN, 9 * MIN, 5 * MIN, 4 * MIN), policy, NOW);
  expect(blocked).toMatchObject({
    found: '5 in the last 1 h',
    reason: expect.stringContaining('the next one from 2026-11-25T12:20:00.000Z'),
  });
});
