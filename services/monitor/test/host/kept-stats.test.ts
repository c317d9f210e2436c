import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { KeptStats } from '../../src/host/kept-stats.js';
import { readProcessTable, scanProcessTable } from '../../src/host/process-table.js';
import { inNamespace, mayChooseNumbers } from '../runaway/own-namespace.js';
import { openStats } from './open-stats.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function keep(options: { most: number }): KeptStats {
  const kept = new KeptStats(options);
  closing.push(() => kept.close());
  return kept;
}

async function sleeper(): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  closing.push(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child as ChildProcess & { readonly pid: number };
}

describe.runIf(process.platform === 'linux')('the files of processes, kept from one table to the next', () => {
  test('say what the files say; those of who has ended are let go, all of them when nobody looks', async () => {
    // Other tests may have started thousands.
    const kept = keep({ most: 10_000 });
    const [stays, goes] = [await sleeper(), await sleeper()];
    const identities = (table: ReturnType<typeof readProcessTable>) =>
      table.processes.filter(({ ppid }) => ppid === process.pid).map(({ pid, name, startTime }) => ({ pid, name, startTime }));
    const plain = identities(readProcessTable());
    expect(plain.map(({ pid }) => pid)).toEqual(expect.arrayContaining([stays.pid, goes.pid]));
    expect(identities(readProcessTable({ kept }))).toEqual(plain);
    expect(openStats()).toEqual(expect.arrayContaining([stays.pid, goes.pid, process.pid]));
    expect(identities(await scanProcessTable({ kept }))).toEqual(plain);
    // One each, however often it was read.
    expect(new Set(openStats()).size).toBe(openStats().length);
    const ended = once(goes, 'exit');
    goes.kill('SIGKILL');
    await ended;
    expect(identities(readProcessTable({ kept })).map(({ pid }) => pid)).toEqual(
      plain.flatMap(({ pid }) => (pid === goes.pid ? [] : [pid])),
    );
    expect(openStats()).toContain(stays.pid);
    expect(openStats()).not.toContain(goes.pid);
    kept.close();
    expect(openStats()).toEqual([]);
  });

  test('are no more than were asked for; the others are read all the same', async () => {
    const kept = keep({ most: 2 });
    const { pid } = await sleeper();
    for (let table = 0; table < 2; table += 1) {
      expect(readProcessTable({ kept }).processes.map((each) => each.pid)).toContain(pid);
      expect(openStats()).toHaveLength(2);
    }
  });

  test('are given back where descriptors run out: nobody is left out of the table, and others can have one', async () => {
    const sleepers = await Promise.all(Array.from({ length: 60 }, sleeper));
    const script = fileURLToPath(new URL('few-descriptors.mjs', import.meta.url));
    const pids = sleepers.map(({ pid }) => String(pid));
    const command = ['-c', 'ulimit -n 50; exec "$@"', 'sh', process.execPath, script, ...pids];
    const { stdout } = await promisify(execFile)('sh', command);
    expect(JSON.parse(stdout)).toEqual([0, 0]);
  });

  test('are never of another process that has the number by now', async (context) => {
    if (!mayChooseNumbers()) return context.skip('a pid namespace of its own, with ns_last_pid, is not permitted here');
    const script = fileURLToPath(new URL('reused-number.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)('unshare', inNamespace(process.execPath, script));
    expect(JSON.parse(stdout)).toEqual(['sleep', null, 'tail', 'sleep']);
  });
});
