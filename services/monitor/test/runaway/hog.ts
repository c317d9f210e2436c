import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

// Ends with the test that holds its input, and by itself after a quarter of an hour. It is told how many MiB to hold, and says so when it does.
const HOG = `
// It takes the place of the command line too, so it says all of it.
process.title = process.argv.slice(1).join(' ');
const held = [];
setTimeout(() => process.exit(0), 900000);
process.stdin.on('end', () => process.exit(0));
process.stdin.on('data', (said) => {
  const [to, pauseMs] = String(said).trim().split('\\n').at(-1).split(' ').map(Number);
  const grow = () => {
    while (held.length * 16 < to) {
      held.push(Buffer.alloc(16 * 1048576, 1));
      if (pauseMs > 0) return setTimeout(grow, pauseMs);
    }
    process.stdout.write('holds ');
  };
  grow();
});`;

const started = new Set<ChildProcess>();

export interface Hog {
  readonly pid: number;
  readonly child: ChildProcess;
  isAlive(): boolean;
  /** Resolves when it holds them, or is over. It takes 16 at a time, and pauses so long (ms) in between. */
  hold(mebibytes: number, pauseMs?: number): Promise<void>;
}

/**
 * A real process of this name, in a group of its own.
 * @param marks what else its command line says
 * @param through a command that becomes it, such as nice
 */
export async function startHogOf(
  name: string,
  { mebibytes, marks = [], through = [] }: { mebibytes: number; marks?: readonly string[]; through?: readonly string[] },
): Promise<Hog> {
  const [program = '', ...args] = [...through, process.execPath, '-e', HOG, '--', name, ...marks];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  started.add(child);
  const ended = once(child, 'exit');
  child.stdin.on('error', () => undefined);
  const hold = async (to: number, pauseMs = 0) => {
    if (!isAlive()) return;
    child.stdin.write(`${to} ${pauseMs}\n`);
    await Promise.race([once(child.stdout, 'data'), ended]);
  };
  const isAlive = () => child.exitCode === null && child.signalCode === null;
  await hold(mebibytes);
  if (child.pid === undefined) throw new Error('the process did not start');
  return { pid: child.pid, child, isAlive, hold };
}

/** Ends what was started here, by the handle of each. */
export async function endHogs(): Promise<void> {
  const running = [...started].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  started.clear();
  await Promise.all(
    running.map(async (child) => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }),
  );
}
