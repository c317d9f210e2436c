import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '@ops/shared/testing';

/** Whatever goes wrong in a test, its processes end by themselves after this long. */
const longestSeconds = 20;
const started = new Set<ChildProcess>();

/** A real process in a group of its own that says `ready` when it is set up; it ends by itself, and with `endProcesses`. */
export async function startNode(script: string, ...args: string[]): Promise<ChildProcess & { pid: number }> {
  const guard = `setTimeout(() => process.exit(0), ${longestSeconds * 1000});`;
  const child = spawn(process.execPath, ['-e', `${guard}${script};process.stdout.write('ready')`, '--', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  started.add(child);
  if (child.stdout === null || child.pid === undefined) throw new Error('the process did not start');
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the process ended at once'))),
  ]);
  return Object.assign(child, { pid: child.pid });
}

/** Burns one core, for as long as a process may live at most. */
export async function startBurner(): Promise<ChildProcess & { pid: number }> {
  return await startNode(
    `setImmediate(() => { const end = Date.now() + ${longestSeconds * 1000}; while (Date.now() < end); process.exit(0); })`,
  );
}

/** Holds so many MiB, written to, so that they are resident. */
export async function startHog(mebibytes: number): Promise<ChildProcess & { pid: number }> {
  return await startNode(`globalThis.held = Buffer.alloc(${mebibytes} * 1048576, 1)`);
}

/** A process and its children in one process group: the leader holds nothing, each child so many MiB. They end with the leader. */
export async function startGroup(
  mebibytes: readonly number[],
): Promise<{ leader: ChildProcess & { pid: number }; children: number[] }> {
  const child = (size: number) =>
    `const held=Buffer.alloc(${size}*1048576,1);process.stdin.on('end',()=>process.exit(0)).resume();process.stdout.write('ready '+held.length)`;
  const leader = await startNode(`
    const { spawn } = require('node:child_process');
    for (const script of ${JSON.stringify(mebibytes.map(child))}) {
      const one = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
      one.stdout.once('data', () => process.stdout.write('child ' + one.pid + ' '));
    }`);
  let said = '';
  leader.stdout?.on('data', (part) => {
    said += part;
  });
  const children = await eventually(() => {
    const pids = [...said.matchAll(/child (\d+) /g)].map((match) => Number(match[1]));
    if (pids.length < mebibytes.length) throw new Error(`${pids.length} of ${mebibytes.length} children`);
    return pids;
  });
  return { leader, children };
}

/** So many small processes that do nothing, in one group; they end with the first of them. Null where there is no perl. */
export async function startMany(count: number): Promise<ChildProcess | null> {
  const script = `$SIG{ALRM} = 'DEFAULT'; alarm ${longestSeconds}; for (1..${count - 1}) { if (!fork) { sysread(STDIN, $x, 1); exit } } $| = 1; print "ready"; sysread(STDIN, $x, 1)`;
  const child = spawn('perl', ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const isThere = await Promise.race([once(child, 'error').then(() => false), once(child, 'spawn').then(() => true)]);
  if (!isThere || child.stdout === null) return null;
  started.add(child);
  await once(child.stdout, 'data');
  return child;
}

/** Ends what the tests have started, by the handle of each. */
export async function endProcesses(): Promise<void> {
  const running = [...started].filter((child) => child.exitCode === null && child.signalCode === null);
  started.clear();
  await Promise.all(
    running.map(async (child) => {
      const ended = once(child, 'exit');
      // Those who read from it end with it.
      child.stdin?.destroy();
      child.kill('SIGKILL');
      await ended;
    }),
  );
}
