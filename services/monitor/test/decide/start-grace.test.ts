import { describe, expect, test } from 'vitest';
import type { ContainerFacts, ContainerView } from '../../src/decide/check-container.js';
import { lastStart, withStartGrace } from '../../src/decide/start-grace.js';

const failed = { outcome: 'failed', responseMs: null, detail: 'connection refused', at: 100_000 } as const;
const facts = { startedAt: 80_000, goodAt: null, graceMs: 30_000, now: 100_000 };

describe('a failure after a start', () => {
  test.each([
    ['within the grace it may be on its way', 'unknown', {}, 'unsure'],
    ['it answered before that start, not since', 'up', { goodAt: 70_000 }, 'unsure'],
    ['it has answered since: it was ready', 'up', { goodAt: 90_000 }, 'failed'],
    ['the grace is over', 'unknown', { startedAt: 70_000 }, 'failed'],
    ['nobody knows when it was started', 'unknown', { startedAt: null }, 'failed'],
    ['it was down already', 'down', {}, 'failed'],
  ] as const)('%s', (_, status, over, outcome) => {
    expect(withStartGrace(failed, { status }, { ...facts, ...over }).outcome).toBe(outcome);
  });

  test('says so; an answer is left as it is', () => {
    expect(withStartGrace(failed, { status: 'unknown' }, facts).detail).toBe(
      'started 20 s ago, may take 30 s: connection refused',
    );
    const good = { ...failed, outcome: 'ok' } as const;
    expect(withStartGrace(good, { status: 'unknown' }, facts)).toBe(good);
  });
});

test('the last start is that of its container, if it runs, or of the host', () => {
  const container = (state: string, startedAt: number | null): ContainerView => {
    const found: ContainerFacts = { state, health: null, restartCount: 0, exitCode: 0, oomKilled: false, startedAt };
    return { kind: 'found', facts: found };
  };
  expect(lastStart(5, [])).toBe(5);
  expect(lastStart(5, [container('running', 9), container('exited', 20)])).toBe(9);
  expect(lastStart(5, [container('running', null), { kind: 'absent' }])).toBe(5);
});
