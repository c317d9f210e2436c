import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as wait } from 'node:timers/promises';

const NOT_FOUND = 127;
const NOT_PERMITTED = 126;
// The supervisor takes 100 kB with an end.
const MOST_OUTPUT_BYTES = 60_000;
const LEFT_BEHIND_MS = 2000;

/**
 * A command in a process group of its own. What it writes goes where it would have gone, as long as somebody reads there; its end is
 * kept.
 */
export class ChildCommand {
  /** The exit code, as a shell would give it: 128 and the signal's number where it was ended by one. */
  readonly ended: Promise<number>;
  /** Why it could not be started; known when it has ended. */
  failure: NodeJS.ErrnoException | undefined;
  readonly #child: ChildProcess | undefined;
  readonly #program: string;
  readonly #decoders: StringDecoder[] = [];
  #text = '';
  #gone = false;

  constructor([program = '', ...args]: readonly string[]) {
    this.#program = program;
    try {
      const child = spawn(program, args, { stdio: ['inherit', 'pipe', 'pipe'], detached: true });
      this.#child = child;
      this.#passOn(child.stdout, process.stdout);
      this.#passOn(child.stderr, process.stderr);
      this.ended = this.#end(child);
    } catch (error) {
      // Some of what is wrong with a program is said at once, some later.
      this.ended = Promise.resolve(this.#failed(error as NodeJS.ErrnoException));
    }
  }

  /** The last of what it has written, of whole characters. */
  get output(): string {
    return lastBytes(this.#text, MOST_OUTPUT_BYTES);
  }

  /** To its whole group, also to what it has left behind there. */
  signal(name: NodeJS.Signals | 0): void {
    const pid = this.#child?.pid;
    // The number of a group that is gone may be given to another one.
    if (pid === undefined || this.#gone) return;
    try {
      process.kill(-pid, name);
    } catch (error) {
      this.#gone = (error as NodeJS.ErrnoException).code === 'ESRCH';
    }
  }

  #passOn(from: Readable, to: NodeJS.WriteStream): void {
    const decoder = new StringDecoder('utf8');
    this.#decoders.push(decoder);
    let read = true;
    to.on('error', () => {
      read = false;
    });
    from.on('data', (data: Buffer) => {
      if (read) to.write(data);
      this.#keep(decoder.write(data));
    });
  }

  #keep(text: string): void {
    this.#text += text;
    // No character has more units than bytes.
    if (this.#text.length > 2 * MOST_OUTPUT_BYTES) this.#text = this.#text.slice(-MOST_OUTPUT_BYTES);
  }

  async #end(child: ChildProcess): Promise<number> {
    const done = new AbortController();
    const closed = once(child, 'close').catch(() => undefined);
    try {
      const [exit, ended] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
      this.signal(0);
      // What it has left behind may hold its pipes for as long as it lives: that is not waited for.
      await Promise.race([closed, wait(LEFT_BEHIND_MS, undefined, { signal: done.signal }).catch(() => undefined)]);
      return exit ?? 128 + (ended === null ? 0 : constants.signals[ended]);
    } catch (error) {
      return this.#failed(error as NodeJS.ErrnoException);
    } finally {
      done.abort();
      for (const pipe of [child.stdout, child.stderr]) pipe?.destroy();
      for (const decoder of this.#decoders) this.#keep(decoder.end());
    }
  }

  #failed(failure: NodeJS.ErrnoException): number {
    this.failure = failure;
    this.#keep(`${this.#program}: ${failure.message}\n`);
    return failure.code === 'ENOENT' ? NOT_FOUND : NOT_PERMITTED;
  }
}

function lastBytes(text: string, most: number): string {
  const bytes = Buffer.from(text);
  let from = Math.max(0, bytes.length - most);
  // The first byte of a character never looks like a later one.
  while (from < bytes.length && ((bytes[from] ?? 0) & 0xc0) === 0x80) from += 1;
  return bytes.toString('utf8', from);
}
