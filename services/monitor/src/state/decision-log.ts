import { appendFile, mkdir, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '@ops/shared/runtime';

const KEPT = 200;
// In memory and on the way to a disk that hangs, in characters: a choice of a victim names everybody that it was made from.
const LARGEST_KEPT = 1_000_000;
// Two files of this size are kept.
const LARGEST_FILE = 4_000_000;

/**
 * The last decisions, each a JSON object, in memory and in a file of OPS_HOME (one a line; the one before is kept as `.1`). Nobody
 * waits for the file: one line is written at a time, and where the disk hangs the lines that are too many are left out.
 */
export class DecisionLog<T extends object> {
  readonly #file: string;
  readonly #log: Logger;
  #kept: string[] = [];
  #waiting: string[] = [];
  #writing: Promise<void> | null = null;

  constructor(file: string, log: Logger) {
    this.#file = file;
    this.#log = log;
  }

  add(decision: T): void {
    const line = JSON.stringify(decision);
    this.#kept = [...this.#kept, line].slice(-KEPT);
    while (this.#kept.length > 1 && lengthOf(this.#kept) > LARGEST_KEPT) this.#kept.shift();
    if (lengthOf(this.#waiting) < LARGEST_KEPT) this.#waiting.push(line);
    this.#writing ??= this.#write();
  }

  /** The last ones, newest first; those of earlier runs come from the file. A line that was cut off is left out. */
  async last(count: number): Promise<readonly T[]> {
    await this.#writing;
    const lines = await readFile(this.#file, 'utf8').then(
      (text) => text.trimEnd().split('\n'),
      () => [],
    );
    const stored = parsed<T>(lines.slice(-count));
    return stored.length >= Math.min(count, this.#kept.length) ? stored : parsed<T>(this.#kept.slice(-count));
  }

  /** Settles when what was added is written, or could not be. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.splice(0).map((line) => `${line}\n`);
      try {
        await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
        const size = (await stat(this.#file).catch(() => null))?.size ?? 0;
        if (size > LARGEST_FILE) await rename(this.#file, `${this.#file}.1`);
        await appendFile(this.#file, lines.join(''), { mode: 0o600 });
      } catch (error) {
        this.#log.debug({ error }, 'a decision was not written to disk');
      }
    }
    this.#writing = null;
  }
}

function lengthOf(lines: readonly string[]): number {
  return lines.reduce((sum, { length }) => sum + length, 0);
}

/** Newest first. */
function parsed<T>(lines: readonly string[]): T[] {
  return lines.flatMap((line) => parse<T>(line) ?? []).reverse();
}

function parse<T>(line: string): T | undefined {
  try {
    return JSON.parse(line) as T;
  } catch {
    return undefined;
  }
}
