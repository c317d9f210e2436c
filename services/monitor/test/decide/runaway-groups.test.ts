import { describe, expect, test } from 'vitest';
import { decideRunaway } from '../../src/decide/runaway.js';
import type { ProcessFact } from '../../src/decide/runaway-process.js';
import { cpuFacts, eager, gib, now, owners, proc, ramFacts } from './runaway-tables.js';

const hog = proc(200, { rssBytes: 9 * gib, name: 'hog' });
const victim = (processes: ProcessFact[]) => decideRunaway(ramFacts(processes), eager, now)?.victim.pid ?? null;

describe('process groups', () => {
  const many = (count: number, over: Parameters<typeof proc>[1] = {}) =>
    Array.from({ length: count }, (_, i) => proc(300 + i, { processGroup: 300, name: 'many', ...over }));

  test('are ranked by what their members take together, and ended as one', () => {
    const plan = decideRunaway(ramFacts([hog, ...many(10)]), eager, now);
    expect(plan?.victim).toMatchObject({ pid: 300, name: 'many' });
    expect(plan?.members.map(({ pid }) => pid).sort()).toEqual(many(10).map(({ pid }) => pid));
    expect(plan?.reason).toContain('many (300) and 9 more of its process group hold the most of what may be ended: 10240 MiB');
    expect(decideRunaway(ramFacts([hog, ...many(8)]), eager, now)?.members.map(({ pid }) => pid)).toEqual([200]);
  });

  test('members that are too small each count together', () => {
    expect(victim(many(10, { rssBytes: 0.1 * gib }))).toBe(300);
    expect(decideRunaway(cpuFacts(many(10, { cpuPercent: 5 })), eager, now)?.members).toHaveLength(10);
  });

  test('a spared member is neither counted nor ended, and the largest other gives the name where the leader is spared', () => {
    const spared = proc(300, { processGroup: 300, name: 'postgres', rssBytes: 9 * gib });
    const others = [proc(301, { ppid: 60, processGroup: 300 }), proc(302, { processGroup: 300, rssBytes: 3 * gib })];
    const plan = decideRunaway(ramFacts([spared, ...others]), { ...eager, owners }, now);
    expect(plan?.members.map(({ pid }) => pid)).toEqual([302, 301]);
    expect(plan?.victim.pid).toBe(302);
  });

  test('one that takes four fifths of what its group does is ended alone: the others are not what fills the memory', () => {
    const table = (hog: number) => [
      proc(300, { processGroup: 300, rssBytes: hog * gib }),
      proc(301, { processGroup: 300, rssBytes: gib }),
    ];
    const members = (hog: number) => decideRunaway(ramFacts(table(hog)), eager, now)?.members.map(({ pid }) => pid);
    expect(members(4)).toEqual([300]);
    expect(members(3.9)).toEqual([300, 301]);
  });

  test('where the number of the group is out of sight each is alone', () => {
    expect(decideRunaway(ramFacts(many(5, { processGroup: 0 })), eager, now)?.members).toHaveLength(1);
  });

  test('who is left of a group that did not die is not chosen again; the others of it may be', () => {
    const [first, second] = many(2, { rssBytes: 2 * gib });
    if (first === undefined || second === undefined) throw new Error('two of them');
    const plan = decideRunaway(ramFacts([first, second], { givenUp: [first] }), eager, now);
    expect(plan?.members.map(({ pid }) => pid)).toEqual([second.pid]);
  });
});
