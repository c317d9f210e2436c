import { describe, expect, test } from 'vitest';
import { decideRunaway } from '../../src/decide/runaway.js';
import { defaultRunawayPolicy, type RunawayPolicy } from '../../src/decide/runaway-policy.js';
import type { ProcessFact } from '../../src/decide/runaway-process.js';
import { eager, gib, now, OTHER, owners, proc, ramFacts } from './runaway-tables.js';

// Of one container, whose engine's process is 20: the first process is 300.
const inside = (pid: number, over: Parameters<typeof proc>[1] = {}) =>
  proc(pid, { cgroup: `0::/docker/${OTHER}\n`, ppid: 300, ...over });
const first = (over: Parameters<typeof proc>[1] = {}) => inside(300, { ppid: 20, rssBytes: 9 * gib, ...over });
const decide = (table: ProcessFact[], policy: RunawayPolicy = { ...eager, owners }) =>
  decideRunaway(ramFacts(table), policy, now);
const named = (...pids: number[]): RunawayPolicy => ({
  ...defaultRunawayPolicy,
  mode: 'on',
  owners: [...owners, { service: 'x', protected: false, pids }],
});
const chosen = (table: ProcessFact[], policy?: RunawayPolicy) => {
  const plan = decide(table, policy);
  return plan === null ? null : { asOne: plan.container !== null, pids: plan.members.map(({ pid }) => pid) };
};

describe('what a container lives by', () => {
  test.each<[string, Parameters<typeof proc>[1]]>([
    ['a shell of the operator', { ppid: 20, name: 'bash', program: 'bash', terminal: true, session: 301 }],
    ['a database of the inventory', { name: 'postgres' }],
    ['what is never ended', { name: 'sshd' }],
    ['what may not be killed for memory', { oomScoreAdj: -1000 }],
    ['what is not read whole', { oomScoreAdj: null }],
  ])('is not ended where %s would go with it', (_, over) => {
    expect(chosen([first(), inside(301, { rssBytes: 0, ...over }), inside(302)])).toEqual({ asOne: false, pids: [302] });
    // The control: without that it is the one.
    expect(chosen([first(), inside(301, { rssBytes: 0 }), inside(302)])?.asOne).toBe(true);
  });

  test('is the child of a first process that only looks after others', () => {
    const tini = first({ name: 'tini', program: 'tini', rssBytes: 0 });
    const [main, other] = [inside(301, { rssBytes: 9 * gib }), inside(302, { ppid: 301 })];
    expect(chosen([tini, main, other, inside(303, { name: 'sshd', rssBytes: 0 })])).toEqual({ asOne: false, pids: [302] });
    // What was started in there later on is not, however large it is.
    const entered = inside(290, { ppid: 20, startTime: 9000, rssBytes: 12 * gib });
    expect(chosen([tini, main, entered, inside(303, { name: 'sshd', rssBytes: 0 })])).toEqual({ asOne: false, pids: [290] });
  });

  test('takes what nobody named with it: the container is ended as one, so that it does not come back', () => {
    expect(chosen([first(), inside(301)], named(300))).toEqual({ asOne: true, pids: [300] });
    const tini = first({ name: 'tini', program: 'tini', rssBytes: 0 });
    expect(chosen([tini, inside(301), inside(302, { ppid: 301 })], named(301))).toEqual({ asOne: true, pids: [301] });
  });

  test('stays where only what it started, or what was started in it later, is named', () => {
    expect(chosen([first(), inside(301)], named(301))).toEqual({ asOne: false, pids: [301] });
    expect(chosen([first(), inside(290, { ppid: 20, startTime: 9000 })], named(290))).toEqual({ asOne: false, pids: [290] });
  });
});
