import { describe, expect, test } from 'vitest';
import { decideRunaway } from '../../src/decide/runaway.js';
import { defaultRunawayPolicy, type RunawayPolicy } from '../../src/decide/runaway-policy.js';
import type { ProcessFact } from '../../src/decide/runaway-process.js';
import { cpuFacts, eager, gib, now, OTHER, owners, proc, ramFacts, SWARM } from './runaway-tables.js';

type Over = Parameters<typeof proc>[1];

// Of one container, whose engine's process is 20: the first process is 300.
const inside = (pid: number, over: Over = {}) => proc(pid, { cgroup: `0::/docker/${OTHER}\n`, ppid: 300, ...over });
const small = (pid: number, over: Over = {}) => inside(pid, { rssBytes: 0, ...over });
const large = (pid: number, over: Over = {}) => inside(pid, { rssBytes: 9 * gib, ...over });
const entered = { ppid: 20, startTime: 9000 };
const named = (...pids: number[]): RunawayPolicy => ({
  ...defaultRunawayPolicy,
  mode: 'on',
  owners: [...owners, { service: 'x', protected: false, pids }],
});

function chosen(table: ProcessFact[], policy: RunawayPolicy = { ...eager, owners }, facts = ramFacts(table)) {
  const plan = decideRunaway(facts, policy, now);
  return plan === null ? null : { asOne: plan.container !== null, pids: plan.members.map(({ pid }) => pid) };
}

describe('what a container lives by', () => {
  test.each<[string, Over]>([
    ['a shell of the operator', { ...entered, name: 'bash', program: 'bash', terminal: true, session: 302 }],
    ['a database of the inventory', { name: 'postgres' }],
    ['what is never ended', { name: 'sshd' }],
    ['what may not be killed for memory', { oomScoreAdj: -1000 }],
    ['what is not read whole', { oomScoreAdj: null }],
    ['what may be anything, since only its name is read', { commandLine: null, cgroup: null, uid: null, oomScoreAdj: null }],
  ])('is not ended where %s would go with it', (_, over) => {
    const table = (other: ProcessFact) => [large(300, { ppid: 20 }), small(301), other, inside(303)];
    expect(chosen(table(small(302, over)))).toEqual({ asOne: false, pids: [303] });
    // The control: without that it is the one.
    expect(chosen(table(small(302)))?.asOne).toBe(true);
  });

  test('is not ended for CPU where something that gives way would go with it', () => {
    const burning = inside(300, { ppid: 20, cpuPercent: 190 });
    const of = (nice: number) => [burning, inside(301, { nice, cpuPercent: 5 })];
    expect(chosen(of(19), undefined, cpuFacts(of(19)))).toBeNull();
    expect(chosen(of(0), undefined, cpuFacts(of(0)))?.asOne).toBe(true);
  });

  test.each<[string, Over]>([
    ['one that may be ended', {}],
    ['one that is not read whole', { oomScoreAdj: null }],
  ])('is the child of a first process that only looks after others: %s', (_, over) => {
    const tini = small(300, { ppid: 20, name: 'tini', program: 'tini', ...over });
    const table = [tini, large(301), inside(302), small(303, { name: 'sshd' })];
    expect(chosen(table)).toEqual({ asOne: false, pids: [302] });
    // What was started in there later on is not, however large it is.
    expect(chosen([...table, inside(290, { ...entered, rssBytes: 12 * gib })])).toEqual({ asOne: false, pids: [290] });
  });

  test('may be what a wrapper waits for, further down', () => {
    const wrapped = [small(300, { ppid: 20, name: 'sh' }), small(301, { name: 'npm' }), large(302, { ppid: 301 })];
    expect(chosen([...wrapped, inside(304), small(303, { ...entered, name: 'sshd' })])).toEqual({ asOne: false, pids: [304] });
  });

  test('is known of a container within another', () => {
    const nested = (pid: number, over: Over) =>
      proc(pid, { cgroup: `0::/docker/${OTHER}/docker/${SWARM}\n`, ppid: 310, ...over });
    const outer = [small(300, { ppid: 20, name: 'dockerd' }), small(305, { name: 'containerd-shim' })];
    const first = nested(310, { ppid: 305, rssBytes: 9 * gib });
    const others = [nested(311, { name: 'sshd', rssBytes: 0 }), nested(312, {})];
    expect(chosen([...outer, first, ...others])).toEqual({ asOne: false, pids: [312] });
  });

  test('takes what nobody named with it: the container is ended as one, so that it does not come back', () => {
    expect(chosen([large(300, { ppid: 20 }), inside(301)], named(300))).toEqual({ asOne: true, pids: [300] });
    const tini = small(300, { ppid: 20, name: 'tini', program: 'tini' });
    expect(chosen([tini, inside(301), inside(302, { ppid: 301 })], named(301))).toEqual({ asOne: true, pids: [301] });
  });

  test('stays where only what it started, or what was started in it later, is chosen', () => {
    const first = (over: Over) => inside(300, { ppid: 20, ...over });
    expect(chosen([first({ rssBytes: 12 * gib }), inside(301)], named(301))).toEqual({ asOne: false, pids: [301] });
    // It is named as well, but takes nothing: what nobody named need not go.
    expect(chosen([first({ rssBytes: 0 }), large(301), inside(302)], named(300, 301))).toEqual({ asOne: false, pids: [301] });
    expect(chosen([first({ rssBytes: 12 * gib }), inside(290, entered)], named(290))).toEqual({ asOne: false, pids: [290] });
  });
});
