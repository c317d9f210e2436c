import { toolEnvironment } from '@ops/shared/runtime';
import { execa } from 'execa';
import { lastWholeLines } from './last-lines.js';

export interface HookOutcome {
  readonly ok: boolean;
  /** The last that it wrote, both streams as they came, in whole lines: cleaned by whoever keeps it. */
  readonly output: string;
  readonly why: string;
}

const LARGEST_OUTPUT = 64 * 1024;
const GRACE_MS = 2000;

/** Runs a program with the deployment's facts in its environment, for `withinMs` at most. No shell. Never rejects. */
export async function runHook(
  command: readonly string[],
  {
    folder,
    withinMs,
    facts,
    signal,
  }: { folder: string; withinMs: number; facts: Readonly<Record<string, string>>; signal: AbortSignal },
): Promise<HookOutcome> {
  const [program = '', ...args] = command;
  // A group of its own: what the hook has started must not outlive its time, nor keep us waiting for its output.
  const hook = execa(program, args, {
    cwd: folder,
    extendEnv: false,
    env: { ...toolEnvironment(), ...facts },
    all: true,
    reject: false,
    detached: true,
    cleanup: false,
    buffer: false,
    stdin: 'ignore',
  });
  let said = '';
  hook.all.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (said.length > 2 * LARGEST_OUTPUT) said = lastWholeLines(said, LARGEST_OUTPUT);
  });
  let late = false;
  const end = () => endGroup(hook.pid);
  const timer = setTimeout(() => {
    late = true;
    end();
  }, withinMs);
  signal.addEventListener('abort', end, { once: true });
  try {
    const { failed, exitCode, shortMessage } = await hook;
    const output = lastWholeLines(said, LARGEST_OUTPUT);
    if (late) return { ok: false, output, why: `it had not ended after ${withinMs} ms` };
    if (failed)
      return {
        ok: false,
        output,
        why: exitCode === undefined ? (shortMessage ?? 'it did not run') : `it ended with exit code ${exitCode}`,
      };
    return { ok: true, output, why: '' };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    // Whatever it left behind.
    end();
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  const reached = (name: NodeJS.Signals) => {
    try {
      return process.kill(-pid, name);
    } catch {
      // Nobody is left.
      return false;
    }
  };
  // Only who was there a moment ago: the number of an empty group may be somebody else's later.
  if (reached('SIGTERM')) setTimeout(() => reached('SIGKILL'), GRACE_MS).unref();
}
