import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { systemClock } from '@ops/shared/runtime';
import type { Connection } from './connection.js';
import { CommandError, EXIT } from './exit-codes.js';
import { say } from './output.js';

const MOST_OUTPUT = 64_000;
const NOT_FOUND = 127;
const NOT_PERMITTED = 126;
// Its end must be told, also while the supervisor is restarted; a job must not hang for it for ever.
const TELL_FOR_MS = 60_000;
const FIRST_PAUSE_MS = 250;
const ASK_AGAIN_MS = 2000;

export interface SupervisedCommand {
  readonly job: string;
  readonly words: readonly string[];
  /** The name of this run. */
  readonly ref: string;
}

/**
 * Runs a command in a process group of its own, and tells the supervisor of its start and its end. What it writes goes where it would
 * have gone; its end is kept for the supervisor. Whatever becomes of the supervisor, the command runs. Resolves with its exit code, as a
 * shell would give it (128 and the signal's number where it was ended by one).
 */
export async function superviseCommand(connection: Connection, { job, words, ref }: SupervisedCommand): Promise<number> {
  const [program = '', ...args] = words;
  const path = `/ping/${encodeURIComponent(job)}`;
  const done = new AbortController();
  const started = performance.now();
  // The command does not wait for the supervisor. Where its start could not be told until it ended, its end tells it.
  const began = told(connection, `${path}/start?run=${ref}`, undefined, done.signal).catch((error: unknown) =>
    whyNot(job, error),
  );
  const child = spawn(program, args, { stdio: ['inherit', 'pipe', 'pipe'], detached: true });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    process.stdout.write(data);
    output = `${output}${data.toString('utf8')}`.slice(-MOST_OUTPUT);
  });
  child.stderr.on('data', (data: Buffer) => {
    process.stderr.write(data);
    output = `${output}${data.toString('utf8')}`.slice(-MOST_OUTPUT);
  });
  const signal = (name: NodeJS.Signals) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // The group is gone.
    }
  };
  const passed = (['SIGTERM', 'SIGINT', 'SIGHUP'] as const).map((name) => [name, () => signal(name)] as const);
  for (const [name, pass] of passed) process.on(name, pass);
  void began.then((run) => {
    if (run !== undefined) void orders(connection, path, run, done.signal, signal);
  });
  const code = await new Promise<number>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      output = `${output}${program}: ${error.message}\n`;
      say(`ops: ${program}: ${error.message}`);
      resolve(error.code === 'ENOENT' ? NOT_FOUND : NOT_PERMITTED);
    });
    child.on('close', (exit, ended) => resolve(exit ?? 128 + (ended === null ? 0 : constants.signals[ended])));
  });
  done.abort();
  for (const [name, pass] of passed) process.off(name, pass);
  await began;
  const took = Math.round(performance.now() - started);
  await told(connection, `${path}/${code}?run=${ref}&took=${took}`, output).catch((error: unknown) => whyNot(job, error));
  return code;
}

function whyNot(job: string, error: unknown): undefined {
  say(`ops: the supervisor does not know of this run of ${job}: ${error instanceof Error ? error.message : String(error)}`);
}

// Tells it, again and again for a while where nobody answers; rejects at once where the supervisor says no. Gives the id of the run.
async function told(connection: Connection, path: string, body?: string, enough?: AbortSignal): Promise<string | undefined> {
  const until = performance.now() + TELL_FOR_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, 5000)) {
    try {
      const answer = await connection.call<{ run_id: string | null }>('POST', path, body ?? '');
      return answer.run_id ?? undefined;
    } catch (error) {
      const passing = error instanceof CommandError && (error.exitCode === EXIT.unreachable || error.exitCode === EXIT.failed);
      if (enough?.aborted === true) return undefined;
      if (!passing || performance.now() + pause > until) throw error;
      await wait(pause, enough);
    }
  }
}

// Waits for the order to end it, as long as it runs.
async function orders(
  connection: Connection,
  path: string,
  run: string,
  done: AbortSignal,
  signal: (name: NodeJS.Signals) => void,
): Promise<void> {
  while (!done.aborted) {
    try {
      const patience = AbortSignal.any([done, AbortSignal.timeout(40_000)]);
      const { order } = await connection.call<{ order: { way: 'gentle' | 'hard'; reason: string } | null }>(
        'GET',
        `${path}/orders?run_id=${run}`,
        undefined,
        patience,
      );
      if (order === null || done.aborted) continue;
      say(`ops: ended by the supervisor: ${order.reason}`);
      signal(order.way === 'gentle' ? 'SIGTERM' : 'SIGKILL');
    } catch {
      if (!done.aborted) await wait(ASK_AGAIN_MS);
    }
  }
}

function wait(ms: number, enough?: AbortSignal): Promise<void> {
  return systemClock.sleep(ms, enough);
}
