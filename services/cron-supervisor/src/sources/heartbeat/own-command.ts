import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { identify } from '@ops/shared/embedded';
import { toolEnvironment } from '@ops/shared/runtime';
import type { RunReport } from '../../cron-types.js';
import { processTree } from '../process-tree.js';
import type { RunEvidence, RunningRun } from '../source.js';

const MOST_OUTPUT = 64_000;
const LEFT_BEHIND_MS = 2000;

/** A job's command, run by us in a process group of its own, so that it can be ended with everything that it has started. */
export class OwnCommand {
  readonly run: RunningRun;
  readonly ref: string;
  /** Its end; undefined where it was released before. */
  readonly ended: Promise<RunReport | undefined>;
  readonly #child: ChildProcess;
  #output = '';
  #gone = false;
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
    const streams = [child.stdout, child.stderr].flatMap((stream) => stream ?? []);
    const flushes = streams.map((stream) => this.#keep(stream));
    this.ended = new Promise((resolve) => {
      this.#release = () => resolve(undefined);
      child.once('exit', (code, signal) => {
        this.signal(0);
        const at = Date.now();
        const end = () => {
          clearTimeout(patience);
          for (const stream of streams) stream.destroy();
          for (const flush of flushes) flush();
          resolve(this.#report(at, code, signal));
        };
        // What it has left behind may hold its pipes for as long as it lives: that is not waited for.
        const patience = setTimeout(end, LEFT_BEHIND_MS).unref();
        child.once('close', end);
      });
    });
  }

  /** To its whole group, also to what it has left behind there. */
  signal(name: 'SIGTERM' | 'SIGKILL' | 0): void {
    const { pid } = this.#child;
    // The number of a group that is gone may be given to another one.
    if (pid === undefined || this.#gone) return;
    try {
      process.kill(-pid, name);
    } catch (error) {
      this.#gone = (error as NodeJS.ErrnoException).code === 'ESRCH';
    }
  }

  async evidence(): Promise<RunEvidence> {
    const { pid } = this.#child;
    return { log: this.#output.split('\n').slice(-40), processes: pid === undefined ? [] : await processTree(pid) };
  }

  /** Lets it go on without us. */
  release(): void {
    this.#child.unref();
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.destroy();
    this.#release();
  }

  // Gives what is called when nothing more comes.
  #keep(stream: Readable): () => void {
    const decoder = new StringDecoder('utf8');
    const keep = (text: string) => {
      // Not from the middle of a character of two units.
      this.#output = `${this.#output}${text}`.slice(-MOST_OUTPUT).replace(/^[\uDC00-\uDFFF]/, '');
    };
    stream.on('data', (data: Buffer) => keep(decoder.write(data)));
    return () => keep(decoder.end());
  }

  #report(ended_at: number, code: number | null, signal: NodeJS.Signals | null): RunReport {
    const word = code === 0 ? 'ok' : 'error';
    return {
      ...this.run,
      ended_at,
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
