import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { killRunaway } from '../../src/act/kill.js';
import { decideRunaway } from '../../src/decide/runaway.js';
import { defaultRunawayPolicy } from '../../src/decide/runaway-policy.js';
import { readProcessTable } from '../../src/host/process-table.js';
import { processUsage } from '../../src/host/process-usage.js';
import { ramFacts } from '../decide/runaway-tables.js';
import { endProcesses, startGroup, startHog, startNode } from './bounded-process.js';

const isThere = (pid: number) =>
  existsSync(`/proc/${pid}`) && !readProcessTable().processes.some((each) => each.pid === pid && each.state === 'Z');

describe.runIf(process.platform === 'linux')('a process group', () => {
  afterEach(endProcesses);

  test('of many small ones is ended before one that is larger than each, but for its protected member', async () => {
    const single = await startHog(150);
    const { leader, children } = await startGroup([90, 90, 90, 90]);
    const [spared] = children;
    const mine = [single.pid, leader.pid, ...children];
    const policy = {
      ...defaultRunawayPolicy,
      mode: 'on' as const,
      owners: [
        { service: 'ours', protected: false, pids: mine },
        { service: 'crm', protected: true, pids: [spared ?? 0] },
      ],
    };
    const facts = ramFacts(processUsage(null, readProcessTable()), {
      sample: { ...ramFacts([]).sample, ramTotalBytes: 1_073_741_824 },
      own: { pid: (await startNode('')).pid, alsoOurs: [] },
    });
    const plan = decideRunaway(facts, policy, facts.sample.at);
    expect(plan?.members.map(({ pid }) => pid).sort()).toEqual([leader.pid, ...children.slice(1)].sort());
    expect(plan?.victim.pid).toBe(leader.pid);
    if (plan === null) return;
    // The spared child is the only one of its group that is left; without its leader it would end by itself.
    const outcome = await killRunaway({ ...plan, members: plan.members.filter(({ pid }) => pid !== leader.pid) });
    expect(outcome).toMatchObject({ result: 'terminated', members: Array(3).fill({ result: 'terminated' }) });
    expect(children.map(isThere)).toEqual([true, false, false, false]);
    expect([single.pid, leader.pid].map(isThere)).toEqual([true, true]);
  });

  test('the worst that is left of it is its outcome, and each member has its own', async () => {
    const stubborn = await startNode(`process.on('SIGTERM', () => {})`);
    const obeys = await startNode('');
    const gone = await startNode('');
    const table = readProcessTable().processes;
    const members = [stubborn, obeys, gone].map(({ pid }) => {
      const found = table.find((each) => each.pid === pid);
      if (found === undefined) throw new Error(`no process ${pid}`);
      return { ...found, cpuPercent: null };
    });
    // Collected, too: one that is dead while a thread of it still ends is not gone yet.
    const ended = once(gone, 'exit');
    gone.kill('SIGKILL');
    await ended;
    const reused = { ...members[1], startTime: 1, pid: process.pid, cpuPercent: null, name: 'x', program: null, rssBytes: 0 };
    const outcome = await killRunaway({ mode: 'on', members: [...members, reused], graceMs: 1000 });
    expect(outcome.result).toBe('killed');
    expect(outcome.members.map(({ result }) => result)).toEqual(['killed', 'terminated', 'already-gone', 'identity-changed']);
  });
});
