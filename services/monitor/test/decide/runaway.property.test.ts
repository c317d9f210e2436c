import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideRunaway } from '../../src/decide/runaway.js';
import { defaultRunawayPolicy } from '../../src/decide/runaway-policy.js';
import type { ProcessFact } from '../../src/decide/runaway-process.js';
import type { RunawayPlan } from '../../src/decide/runaway-types.js';
import { anyTable, CRM, cpuFacts, eager, now, OTHER, owners, ramFacts, SWARM, UNKNOWN } from './runaway-tables.js';

/** The rules again, written as one would say them and without looking at the decision. */
function mayNeverDie(process: ProcessFact, table: readonly ProcessFact[]): boolean {
  const line: ProcessFact[] = [];
  for (let each: ProcessFact | undefined = process; each && !line.includes(each); ) {
    line.push(each);
    const { ppid }: ProcessFact = each;
    each = table.find((other) => other.pid === ppid);
  }
  const isCrm = (each: ProcessFact) =>
    each.pid === 77 ||
    each.uid === 999 ||
    each.name === 'postgres' ||
    each.program === 'postgres' ||
    each.name === 'a-name-longer-t' ||
    each.commandLine?.matches(/crm-server/) === true ||
    each.cgroup?.includes('0123456789ab') === true ||
    each.cgroup?.includes(CRM) === true;
  return (
    process.pid < 3 ||
    process.kernelThread ||
    process.name === 'systemd' ||
    process.name === 'sshd' ||
    process.name === 'tmux: server' ||
    process.program === '-bash' ||
    (process.name === 'bash' && process.terminal && process.session === process.pid) ||
    process.commandLine?.matches(/nightly-restore/) === true ||
    process.uid === 1001 ||
    // The engine does not know it, so it may be that of a protected service.
    process.cgroup?.includes(UNKNOWN) === true ||
    process.oomScoreAdj === -1000 ||
    line.some((each) => each.pid === 40 || each.pid === 41 || isCrm(each))
  );
}

const never = { neverPatterns: [/nightly-restore/], neverUsers: [1001] };
const options = { numRuns: 1_000 };
const membersOf = (plan: RunawayPlan, table: readonly ProcessFact[]) =>
  table.filter((each) => plan.members.some(({ pid, startTime }) => pid === each.pid && startTime === each.startTime));

test('1,000 tables: nothing protected, nothing of ours and nothing of the system is ever chosen', () => {
  let [chosen, groups, containers, firsts] = [0, 0, 0, 0];
  fc.assert(
    fc.property(anyTable, fc.boolean(), (table, byRam) => {
      const plan = decideRunaway(byRam ? ramFacts(table) : cpuFacts(table), { ...eager, owners, ...never }, now);
      if (plan === null) return;
      chosen += 1;
      const members = membersOf(plan, table);
      expect(members.some(({ pid }) => pid === plan.victim.pid)).toBe(true);
      for (const member of members) expect(mayNeverDie(member, table)).toBe(false);
      // With the first process of a container goes all that is in it.
      for (const member of members) {
        const container = [OTHER, SWARM].find((id) => member.cgroup?.includes(id));
        const inside = table.filter(({ cgroup }) => container !== undefined && cgroup?.includes(container));
        const isFirst = inside
          .filter(({ ppid }) => !inside.some(({ pid }) => pid === ppid))
          .every(({ startTime }) => startTime >= member.startTime);
        if (!isFirst || inside.some(({ pid }) => pid === member.ppid) || inside.length < 2) continue;
        // Of two that began at once either may be the first.
        if (inside.filter(({ startTime }) => startTime === member.startTime).length > 1) continue;
        firsts += 1;
        expect(inside.filter((each) => !'ZX'.includes(each.state) && mayNeverDie(each, table))).toEqual([]);
      }
      if (members.length > 1) groups += 1;
      if (plan.container === null) return;
      containers += 1;
      // All of it: what is alive in there is ended with it.
      const inside = table.filter((each) => each.cgroup?.includes(plan.container?.id ?? '') && !'ZX'.includes(each.state));
      expect(inside.filter((each) => !members.includes(each) && each.name !== 'tini')).toEqual([]);
    }),
    options,
  );
  // The positive control: a decision that chooses nobody would pass as well.
  expect(chosen).toBeGreaterThan(200);
  expect(groups).toBeGreaterThan(20);
  expect(containers).toBeGreaterThan(5);
  expect(firsts).toBeGreaterThan(0);
});

test('1,000 tables: with unknown owners spared, only what an unprotected rule names is chosen', () => {
  let chosen = 0;
  fc.assert(
    fc.property(anyTable, (table) => {
      const plan = decideRunaway(ramFacts(table), { ...defaultRunawayPolicy, mode: 'on', owners }, now);
      if (plan === null) return;
      chosen += 1;
      for (const member of membersOf(plan, table)) {
        expect(
          member.name === 'kimi-agent' || member.commandLine?.matches(/swarm-worker/) || member.cgroup?.includes(SWARM),
        ).toBe(true);
      }
      expect(plan.victim.service).toBe('swarm');
    }),
    options,
  );
  expect(chosen).toBeGreaterThan(100);
});

test('1,000 tables: a unit is one process group, and the largest of those that might have been chosen', () => {
  fc.assert(
    fc.property(anyTable, (table) => {
      const plan = decideRunaway(ramFacts(table), { ...eager, owners }, now);
      if (plan === null) return;
      const members = membersOf(plan, table);
      if (plan.container === null) expect(new Set(members.map(({ processGroup, pid }) => processGroup || -pid)).size).toBe(1);
      const ended = new Set(members.map(({ pid }) => pid));
      const without = table.filter(({ pid }) => !ended.has(pid));
      const second = decideRunaway(ramFacts(without), { ...eager, owners }, now);
      if (second && !table.some(({ ppid }) => ended.has(ppid))) {
        const size = (of: readonly { rssBytes: number }[]) => of.reduce((sum, { rssBytes }) => sum + rssBytes, 0);
        expect(size(second.members)).toBeLessThanOrEqual(size(plan.members));
      }
    }),
    options,
  );
});
