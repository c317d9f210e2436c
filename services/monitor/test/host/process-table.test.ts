import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { readMachineUnits } from '@ops/shared/host';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { describeProcess } from '../../src/decide/runaway-process.js';
import { heaviest } from '../../src/host/heaviest.js';
import { readProcessTable } from '../../src/host/process-table.js';
import { processUsage } from '../../src/host/process-usage.js';
import { endProcesses, startBurner, startHog, startNode } from '../act/bounded-process.js';

afterEach(endProcesses);
const isLinux = process.platform === 'linux';

describe.runIf(isLinux)('this machine', () => {
  test('counts in the units of the C library', () => {
    const conf = (name: string) => Number(execFileSync('getconf', [name], { encoding: 'utf8' }));
    expect(readMachineUnits('/proc')).toEqual({ ticksPerSecond: conf('CLK_TCK'), pageBytes: conf('PAGESIZE') });
    expect(readMachineUnits('/no/such/proc')).toEqual({ ticksPerSecond: 100, pageBytes: 4096 });
  });

  test('shows ourselves and a child with its memory', async () => {
    const hog = await startHog(200);
    const { processes } = readProcessTable();
    const own = processes.find((each) => each.pid === process.pid);
    expect(own).toMatchObject({ ppid: process.ppid, uid: process.getuid?.(), kernelThread: false, program: 'node' });
    expect(own?.cgroup).toBe(readFileSync('/proc/self/cgroup', 'utf8'));
    expect(own?.oomScoreAdj).toBe(Number(readFileSync('/proc/self/oom_score_adj', 'utf8')));
    const child = processes.find((each) => each.pid === hog.pid);
    expect(child?.ppid).toBe(process.pid);
    expect(child?.rssBytes).toBeGreaterThan(190 * 1_048_576);
    expect(child?.rssBytes).toBeLessThan(400 * 1_048_576);
  });

  test('tells what a process uses of one core, and nothing of one that is new', async () => {
    const burner = await startBurner();
    let previous = readProcessTable();
    const usageOf = (pid: number) => {
      const current = readProcessTable({ detailsOf: heaviest(5, previous) });
      const found = processUsage(previous, current).find((each) => each.pid === pid);
      previous = current;
      return found;
    };
    // Of windows that are long beside the hundredths of a second that the kernel counts in.
    await vi.waitFor(
      () => {
        const used = usageOf(burner.pid)?.cpuPercent;
        expect(used).toBeGreaterThan(50);
        expect(used).toBeLessThan(130);
      },
      { timeout: 10_000, interval: 500 },
    );
    const late = await startNode('');
    expect(usageOf(late.pid)?.cpuPercent).toBeNull();
    const renumbered = { ...previous, processes: previous.processes.map((each) => ({ ...each, startTime: each.startTime - 1 })) };
    expect(
      processUsage(renumbered, { ...previous, monotonicMs: previous.monotonicMs + 500 }).every(
        (each) => each.cpuPercent === null,
      ),
    ).toBe(true);
  });

  test('reads details of the heaviest only, and those always include a burner', async () => {
    const burner = await startBurner();
    const previous = readProcessTable();
    await vi.waitFor(
      () => {
        const { processes } = readProcessTable({ detailsOf: heaviest(2, previous) });
        const detailed = processes.filter((each) => each.commandLine !== null);
        expect(detailed.length).toBeLessThan(processes.length);
        expect(detailed.map((each) => each.pid)).toContain(burner.pid);
        // The parents as well: what protects them protects it.
        expect(detailed.map((each) => each.pid)).toContain(process.pid);
      },
      { timeout: 10_000, interval: 200 },
    );
  });

  test('shows no argument of any command line, however it is printed', async () => {
    const canary = 'canary-hunter2';
    const child = await startNode('', `--password=${canary}`);
    const { processes } = readProcessTable();
    const found = processes.find((each) => each.pid === child.pid);
    // The positive control: the canary is there to be found, by those who ask.
    expect(found?.commandLine?.matches(/--password=canary/)).toBe(true);
    const everything = [JSON.stringify(processes), inspect(processes, { depth: 9, showHidden: true }), `${found?.commandLine}`];
    if (found) everything.push(JSON.stringify(describeProcess({ ...found, cpuPercent: null })));
    for (const text of everything) expect(text).not.toContain(canary);
  });

  test('a text far back in a long command line is found: what protects a process may stand behind its class path', async () => {
    const child = await startNode('', 'x'.repeat(20_000), 'crm-server');
    const found = readProcessTable().processes.find((each) => each.pid === child.pid);
    expect(found?.commandLine?.matches(/crm-server/)).toBe(true);
    // One that is longer than we read counts as not read: such a process is no victim.
    const longer = await startNode('', 'x'.repeat(100_000), 'y'.repeat(100_000), 'crm-server');
    expect(readProcessTable().processes.find((each) => each.pid === longer.pid)?.commandLine).toBeNull();
  });

  test('a title that a process gave itself is cut at the first odd character', async () => {
    const child = await startNode(`process.title = 'svc: redis://user:canary@host/0'`);
    const found = readProcessTable().processes.find((each) => each.pid === child.pid);
    expect(found?.program).not.toContain('canary');
  });

  test('a name with spaces and parentheses is read as it is', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ops-name-'));
    const program = join(directory, 'a) R 1 (b');
    try {
      copyFileSync('/bin/sleep', program);
      execFileSync('chmod', ['+x', program]);
      const child = await startNode(`require('node:child_process').spawn(${JSON.stringify(program)}, ['5'])`);
      await vi.waitFor(() => {
        const found = readProcessTable().processes.find((each) => each.ppid === child.pid);
        expect(found).toMatchObject({ name: 'a) R 1 (b', program: 'a', kernelThread: false });
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('leaves out what ends meanwhile, and says when there is no /proc', () => {
    expect(() => readProcessTable({ procRoot: '/no/such/proc' })).toThrow(/ENOENT/);
  });
});
