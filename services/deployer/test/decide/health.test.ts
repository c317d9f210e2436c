import { describe, expect, test } from 'vitest';
import { judgeRound, judgeService, judgeWatch, type ProbeFacts, type Sight } from '../../src/decide/health.js';
import type { ContainerFacts } from '../../src/engine-facts.js';

const WANTED = { service: 'web', imageId: 'new', configHash: 'h', replicas: 1, oneShot: false, change: 'replace' as const };
const container = (facts: Partial<ContainerFacts> = {}): ContainerFacts => ({
  id: 'c',
  name: 'web-1',
  service: 'web',
  imageId: 'new',
  configHash: 'h',
  status: 'running',
  running: true,
  health: 'none',
  failingStreak: 0,
  exitCode: 0,
  oomKilled: false,
  restartCount: 0,
  startedAt: 1,
  restartPolicy: { name: 'always', retries: 0 },
  anonymousVolumes: [],
  addresses: [],
  ports: [],
  ...facts,
});
const sight = (facts: Partial<ContainerFacts> = {}, more: Partial<Sight> = {}): Sight => ({
  containers: [container(facts)],
  probe: undefined,
  ended: [],
  ...more,
});
const probe = (outcome: ProbeFacts['outcome'], n = 1): ProbeFacts => ({ outcome, detail: outcome, n });

describe('one look at a service', () => {
  test.each<[string, Sight, string]>([
    ['runs, without any check', sight(), 'healthy'],
    ['is healthy by Docker', sight({ health: 'healthy' }), 'healthy'],
    ['starts', sight({ health: 'starting' }), 'not-yet'],
    ['is unhealthy', sight({ health: 'unhealthy' }), 'failed'],
    ['runs another image', sight({ imageId: 'old' }), 'failed'],
    ['has another configuration', sight({ configHash: 'x' }), 'failed'],
    ['was restarted', sight({ restartCount: 1 }), 'failed'],
    ['was killed for its memory', sight({ oomKilled: true }), 'failed'],
    ['ended', sight({ status: 'exited', running: false, exitCode: 1 }), 'failed'],
    ['ended with 0', sight({ status: 'exited', running: false }), 'failed'],
    ['is paused', sight({ status: 'paused', running: false }), 'not-yet'],
    ['is created', sight({ status: 'created', running: false }), 'not-yet'],
    ['ended and came up again unseen', sight({}, { ended: ['exit code 1'] }), 'failed'],
    ['is not there', sight({}, { containers: [] }), 'not-yet'],
    ['has not been asked yet', sight({}, { probe: null }), 'not-yet'],
    ['answers well', sight({}, { probe: probe('ok') }), 'healthy'],
    ['answers too late', sight({}, { probe: probe('slow') }), 'not-yet'],
    ['does not answer', sight({}, { probe: probe('failed') }), 'not-yet'],
    ['could not be asked', sight({}, { probe: probe('unsure') }), 'not-yet'],
  ])('that %s', (_what, seen, kind) => expect(judgeService(WANTED, seen).kind).toBe(kind));

  test.each([
    ['has done its work', { status: 'exited', running: false }, 'done'],
    ['failed at its work', { status: 'exited', running: false, exitCode: 2 }, 'failed'],
    ['still works', {}, 'not-yet'],
  ])('a one-shot service that %s', (_what, facts, kind) =>
    expect(judgeService({ ...WANTED, oneShot: true }, sight(facts, { ended: ['exit code 0'] })).kind).toBe(kind),
  );
});

test('healthy without a break: a service that is not once begins anew', () => {
  const at = (now: number, seen: Sight, since: Record<string, number>) => judgeRound([WANTED], { web: seen }, since, now, 1000);
  const first = at(0, sight(), {});
  expect(first.missing).toHaveLength(1);
  expect(at(1000, sight(), first.since).missing).toEqual([]);
  const broken = at(900, sight({ health: 'starting' }), first.since);
  expect(broken.since).toEqual({});
  expect(at(1000, sight(), broken.since).missing).toHaveLength(1);
  expect(judgeRound([WANTED], {}, {}, 0, 0).missing).toEqual(['web: 0 of 1 containers are there']);
});

test('in the watch a failed answer counts once, and three in a row are a failure; a late one is none', () => {
  const policy = { most: 3, regular: true };
  let strikes = {};
  const look = (one: ProbeFacts) => {
    const round = judgeWatch([WANTED], { web: sight({}, { probe: one }) }, strikes, policy);
    strikes = round.strikes;
    return round.failed;
  };
  expect(look(probe('failed', 1))).toBeUndefined();
  expect(look(probe('failed', 1))).toBeUndefined();
  expect(look(probe('failed', 2))).toBeUndefined();
  expect(look(probe('ok', 3))).toBeUndefined();
  expect(look(probe('failed', 4))).toBeUndefined();
  expect(look(probe('slow', 5))).toBeUndefined();
  for (const n of [6, 7]) expect(look(probe('failed', n))).toBeUndefined();
  expect(look(probe('failed', 8))).toMatch(/3 in a row/);
});
