import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Whatever goes wrong in a test, its processes end by themselves after this long. */
const longestSeconds = 20;
const started = new Set<ChildProcess>();

/** A real process that says `ready` when it is set up; it ends by itself, and with `endProcesses`. */
export async function startNode(script: string, ...args: string[]): Promise<ChildProcess & { pid: number }> {
  const guard = `setTimeout(() => process.exit(0), ${longestSeconds * 1000});`;
  const child = spawn(process.execPath, ['-e', `${guard}${script};process.stdout.write('ready')`, '--', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
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

/** Ends what the tests have started, by the handle of each. */
export async function endProcesses(): Promise<void> {
  const running = [...started].filter((child) => child.exitCode === null && child.signalCode === null);
  started.clear();
  await Promise.all(
    running.map(async (child) => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }),
  );
}
