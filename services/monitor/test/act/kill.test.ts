import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { type KillDeps, killRunaway } from '../../src/act/kill.js';
import { decideRunaway } from '../../src/decide/runaway.js';
import { defaultRunawayPolicy } from '../../src/decide/runaway-policy.js';
import { heaviest } from '../../src/host/heaviest.js';
import { readProcessTable } from '../../src/host/process-table.js';
import { processUsage } from '../../src/host/process-usage.js';
import { endProcesses, startBurner, startHog, startNode } from './bounded-process.js';

const ignoresTerm = `process.on('SIGTERM', () => {})`;

function victimOf(pid: number) {
  const process = readProcessTable().processes.find((each) => each.pid === pid);
  if (!process) throw new Error(`no process ${pid}`);
  const { startTime, name, program, rssBytes } = process;
  return { pid, startTime, name, program, rssBytes, cpuPercent: null };
}

const isThere = (pid: number) =>
  existsSync(`/proc/${pid}`) && !readProcessTable().processes.some((each) => each.pid === pid && each.state === 'Z');

/** Signals that would be sent; none of them is. */
function recorded(): { deps: KillDeps; signals: string[] } {
  const signals: string[] = [];
  return { signals, deps: { signal: (pid, name) => void signals.push(`${name} ${pid}`) } };
}

describe.runIf(process.platform === 'linux')('kill', () => {
  afterEach(endProcesses);

  test('a process that obeys is asked once', async () => {
    const { pid } = await startNode('');
    const outcome = await killRunaway({ mode: 'on', members: [victimOf(pid)], graceMs: 5_000 });
    expect(outcome).toMatchObject({
      result: 'terminated',
      members: [{ pid, result: 'terminated' }],
      termAt: expect.any(Number),
      killAt: null,
      goneAt: expect.any(Number),
    });
    expect(outcome.ms).toBeLessThan(5_000);
    expect(isThere(pid)).toBe(false);
  });

  test('one that ignores SIGTERM is killed after the grace time, and not before', async () => {
    const { pid } = await startNode(ignoresTerm);
    const outcome = await killRunaway({ mode: 'on', members: [victimOf(pid)], graceMs: 300 });
    expect(outcome.result).toBe('killed');
    expect((outcome.killAt ?? 0) - (outcome.termAt ?? 0)).toBeGreaterThanOrEqual(295);
    expect(outcome.ms).toBeLessThan(5_000);
    expect(isThere(pid)).toBe(false);
  });

  test('20 of 20 that ignore SIGTERM are dead', async () => {
    const stubborn = await Promise.all(Array.from({ length: 20 }, () => startNode(ignoresTerm)));
    const outcomes = await Promise.all(
      stubborn.map(({ pid }) => killRunaway({ mode: 'on', members: [victimOf(pid)], graceMs: 100 })),
    );
    expect(outcomes.map((outcome) => outcome.result)).toEqual(Array(20).fill('killed'));
    expect(stubborn.filter(({ pid }) => isThere(pid))).toEqual([]);
  });

  test('a stopped process, which cannot answer SIGTERM, is killed too', async () => {
    const { pid } = await startNode('');
    process.kill(pid, 'SIGSTOP');
    expect(await killRunaway({ mode: 'on', members: [victimOf(pid)], graceMs: 100 })).toMatchObject({ result: 'killed' });
  });

  test('one that is gone already', async () => {
    const { pid } = await startNode('');
    const victim = victimOf(pid);
    await endProcesses();
    expect(await killRunaway({ mode: 'on', members: [victim], graceMs: 100 })).toMatchObject({
      result: 'already-gone',
      termAt: null,
    });
  });

  test('a zombie is gone already: its memory is free', async () => {
    // sh execs sleep and so never collects its child.
    const parent = await startNode(`require('node:child_process').spawn('sh', ['-c', 'sleep 0 & exec sleep 10'])`);
    let zombie: number | undefined;
    await expect
      .poll(
        () => {
          const { processes } = readProcessTable();
          const sleeper = processes.find((each) => each.ppid === parent.pid)?.pid;
          zombie = processes.find((each) => each.ppid === sleeper && each.state === 'Z')?.pid;
          return zombie;
        },
        { timeout: 5_000 },
      )
      .toBeDefined();
    const { deps, signals } = recorded();
    expect(await killRunaway({ mode: 'on', members: [victimOf(zombie ?? 0)], graceMs: 100 }, deps)).toMatchObject({
      result: 'already-gone',
    });
    expect(signals).toEqual([]);
  });

  test('another process with that number is not touched', async () => {
    const { pid } = await startNode('');
    const victim = { ...victimOf(pid), startTime: victimOf(pid).startTime - 1 };
    expect(await killRunaway({ mode: 'on', members: [victim], graceMs: 100 })).toMatchObject({
      result: 'identity-changed',
      termAt: null,
    });
    expect(isThere(pid)).toBe(true);
  });

  test('a dry run touches nothing', async () => {
    const { pid } = await startNode('');
    const { deps, signals } = recorded();
    expect(await killRunaway({ mode: 'dry-run', members: [victimOf(pid)], graceMs: 0 }, deps)).toMatchObject({
      result: 'dry-run',
    });
    expect(signals).toEqual([]);
    expect(isThere(pid)).toBe(true);
  });

  test('one that we may not signal is said to be so', async () => {
    const { pid } = await startNode('');
    const refuse: KillDeps['signal'] = () => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    };
    expect(await killRunaway({ mode: 'on', members: [victimOf(pid)], graceMs: 0 }, { signal: refuse })).toMatchObject({
      result: 'not-permitted',
    });
  });

  test('one that no signal ends is said to have survived', async () => {
    const { pid } = await startNode('');
    const { deps, signals } = recorded();
    const outcome = await killRunaway({ mode: 'on', members: [victimOf(pid)], graceMs: 50 }, { ...deps, reapMs: 50 });
    expect(outcome).toMatchObject({ result: 'survived', goneAt: null });
    expect(signals).toEqual([`SIGTERM ${pid}`, `SIGKILL ${pid}`]);
  });

  test('a process whose leader is dead is not over while its other threads live', async () => {
    const script = `import ctypes,threading,time
threading.Thread(target=lambda: time.sleep(10)).start()
print('ready', flush=True)
ctypes.CDLL(None).syscall(60, 0)`;
    const python = hasPython()
      ? await startNode(`require('node:child_process').spawn('python3', ['-c', ${JSON.stringify(script)}])`)
      : null;
    if (python === null || process.arch !== 'x64') return;
    let leader: number | undefined;
    await expect
      .poll(
        () => {
          leader = readProcessTable().processes.find((each) => each.ppid === python.pid && each.state === 'Z')?.pid;
          return leader;
        },
        { timeout: 10_000 },
      )
      .toBeDefined();
    expect(await killRunaway({ mode: 'on', members: [victimOf(leader ?? 0)], graceMs: 2_000 })).toMatchObject({
      result: 'terminated',
    });
  });
});

function hasPython(): boolean {
  try {
    execFileSync('python3', ['-c', 'pass'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.runIf(process.platform === 'linux')('choose and kill', () => {
  afterEach(endProcesses);

  test('a hog of 200 MiB is chosen among real processes, ended, and nobody else is', async () => {
    const innocents = await Promise.all([startNode(''), startHog(20)]);
    const protectedOne = await startHog(300);
    const hog = await startHog(200);
    const before = readProcessTable();
    const processes = processUsage(before, readProcessTable({ detailsOf: heaviest(40, before) }));
    const mine = new Set([...innocents, protectedOne, hog].map(({ pid }) => pid));
    const policy = {
      ...defaultRunawayPolicy,
      mode: 'on' as const,
      // Only what this test has started may be a victim at all, by its number.
      owners: [
        { service: 'ours', protected: false, pids: [...mine] },
        { service: 'crm', protected: true, pids: [protectedOne.pid] },
      ],
      ram: { ...defaultRunawayPolicy.ram, minSharePercent: 10 },
    };
    const facts = {
      level: 'emergency' as const,
      // As if the machine had 1 GiB: it is not starved for a test.
      sample: { at: 1_000, ramPercent: 96, ramTotalBytes: 1_073_741_824, cpuPercent: 10, cpuPressure: 0 },
      cpuOverSince: null,
      pressedSince: null,
      processes,
      // Children of the test runner would be spared as our own tree.
      own: { pid: 1, alsoOurs: [] },
      containers: { known: new Map(), own: [] },
      withinGroup: null,
      killing: false,
      previous: null,
      givenUp: [],
    };
    expect(decideRunaway({ ...facts, own: { pid: process.pid, alsoOurs: [] } }, policy, 1_000)).toBeNull();
    const plan = decideRunaway({ ...facts, own: { pid: (await startBurner()).pid, alsoOurs: [] } }, policy, 1_000);
    expect(plan?.victim.pid).toBe(hog.pid);
    expect(plan?.evidence.spared).toContainEqual(expect.objectContaining({ pid: protectedOne.pid, why: 'protected-service' }));
    if (plan) expect(await killRunaway(plan)).toMatchObject({ result: 'terminated', members: [{ pid: hog.pid }] });
    expect([...innocents, protectedOne].every(({ pid }) => isThere(pid))).toBe(true);
  });
});
