import { type ChildProcess, spawn } from 'node:child_process';
import { identify } from '@ops/shared/embedded';
import { toolEnvironment } from '@ops/shared/runtime';
import type { RunReport } from '../../cron-types.js';
import type { RunEvidence, RunningRun } from '../source.js';
import { processTree } from './process-tree.js';

const MOST_OUTPUT = 64_000;

/** A job's command, run by us in a process group of its own, so that it can be ended with everything that it has started. */
export class OwnCommand {
  readonly run: RunningRun;
  readonly ref: string;
  /** Its end; undefined where it was released before. */
  readonly ended: Promise<RunReport | undefined>;
  readonly #child: ChildProcess;
  #output = '';
  #release: () => void = () => undefined;

  /** An Error where it cannot be started. */
  static start(job: string, command: readonly string[], folder: string | undefined): OwnCommand | Error {
    const [program = '', ...args] = command;
    try {
      const child = spawn(program, args, {
        cwd: folder,
        env: toolEnvironment(),
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      // A program that is not there has no pid; the error comes later, and is known already.
      child.on('error', () => undefined);
      return child.pid === undefined ? new Error(`${program} cannot be run`) : new OwnCommand(job, child, child.pid);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  private constructor(job: string, child: ChildProcess, pid: number) {
    this.#child = child;
    this.run = { job, started_at: Date.now() };
    this.ref = `command:${pid}:${identify(pid)?.started ?? 'unknown'}`;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data: Buffer) => {
        this.#output = `${this.#output}${data.toString('utf8')}`.slice(-MOST_OUTPUT);
      });
    }
    this.ended = new Promise((resolve) => {
      this.#release = () => resolve(undefined);
      child.on('close', (code, signal) => resolve(this.#report(code, signal)));
    });
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    const { pid, exitCode, signalCode } = this.#child;
    // Whoever has ended, and was waited for, has given his number back.
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      process.kill(-pid, name);
    } catch {
      // The group is gone.
    }
  }

  evidence(): RunEvidence {
    const { pid } = this.#child;
    return { log: this.#output.split('\n').slice(-40), processes: pid === undefined ? [] : processTree(pid) };
  }

  /** Lets it go on without us. */
  release(): void {
    this.#child.unref();
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.destroy();
    this.#release();
  }

  #report(code: number | null, signal: NodeJS.Signals | null): RunReport {
    const word = code === 0 ? 'ok' : 'error';
    return {
      ...this.run,
      ended_at: Date.now(),
      word,
      completion: null,
      output: this.#output,
      error: word === 'ok' ? null : signal === null ? `exit code ${code}` : `ended by ${signal}`,
      error_kind: null,
      delivery: null,
      exit_code: code,
      timeout_ms: null,
      ref: this.ref,
    };
  }
}
