import type { CheckResult } from '@ops/shared/probes';
import { describe, expect, test } from 'vitest';
import { type ContainerFacts, type ContainerView, judgeContainer, withContainer } from '../../src/decide/check-container.js';

describe('a container', () => {
  const facts: ContainerFacts = {
    state: 'running',
    health: null,
    restartCount: 0,
    exitCode: 0,
    oomKilled: false,
    startedAt: null,
  };
  const view = (more: Partial<ContainerFacts>): ContainerView => ({ kind: 'found', facts: { ...facts, ...more } });

  test.each([
    [view({}), 'ok', 'container crm is running'],
    [view({ health: 'healthy' }), 'ok', 'container crm is running and healthy'],
    [view({ health: 'starting' }), 'unsure', 'container crm is starting'],
    [view({ health: 'unhealthy', restartCount: 1 }), 'failed', 'container crm is running and unhealthy, restarted 1 time'],
    [
      view({ state: 'exited', exitCode: 137, oomKilled: true }),
      'failed',
      'container crm is exited (exit code 137, killed for lack of memory)',
    ],
    [
      view({ state: 'restarting', exitCode: 1, restartCount: 7 }),
      'failed',
      'container crm is restarting (exit code 1), restarted 7 times',
    ],
    [view({ state: 'paused' }), 'failed', 'container crm is paused: expected running'],
    [view({ state: 'created' }), 'failed', 'container crm is created: expected running'],
    [{ kind: 'absent' } as const, 'failed', 'container crm: the engine has none of that name'],
    [{ kind: 'blind', why: 'no engine' } as const, 'unsure', 'container crm: no engine'],
  ])('%j is %s', (seen, outcome, detail) => {
    expect(judgeContainer('crm', seen)).toMatchObject({ outcome, detail });
    // What has ended is gone; what is there and ill is not.
    const ended = seen.kind === 'found' && ['exited', 'restarting'].includes(seen.facts.state);
    expect(judgeContainer('crm', seen).gone === true).toBe(ended);
  });

  const result = (outcome: CheckResult['outcome']): CheckResult => ({ outcome, responseMs: 5, detail: 'HTTP', at: 1 });
  test.each([
    ['ok', view({}), 'ok'],
    ['ok', view({ health: 'unhealthy' }), 'failed'],
    ['slow', view({ state: 'paused' }), 'failed'],
    ['failed', view({}), 'failed'],
    ['failed', view({ health: 'starting' }), 'unsure'],
    ['ok', view({ health: 'starting' }), 'ok'],
    ['ok', { kind: 'blind', why: 'no engine' } as const, 'ok'],
    ['failed', { kind: 'blind', why: 'no engine' } as const, 'failed'],
    ['unsure', { kind: 'absent' } as const, 'failed'],
  ] as const)('an answer that is %s with %j is %s', (answer, seen, expected) => {
    expect(withContainer(result(answer), 'crm', seen).outcome).toBe(expected);
  });
});
