import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock, Logger } from '@ops/shared/runtime';
import type { RedisClient } from '@ops/shared/streams';
import { readSavedGuard, type SavedGuard } from './saved-guard.js';

/** What is kept: the saved guard, with the words that others read on top. */
export type KeptGuard = SavedGuard & { readonly level: string; readonly since: string };

export interface GuardMemoryOptions {
  readonly host: string;
  readonly home: string;
  readonly redis: RedisClient;
  /** The key of the state in Redis. */
  readonly key: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Keeps the guard's state over a restart, in a file of OPS_HOME and in Redis: the file is there when Redis is not, and Redis when the
 * disk was lost with the container. Neither is waited for by the guard, and each is written by itself: a hung disk keeps nothing
 * from Redis, and a hung Redis nothing from the disk.
 */
export class GuardMemory {
  readonly #options: GuardMemoryOptions;
  readonly #file: string;
  readonly #inFile = new Latest((text) => this.#write(text));
  readonly #inRedis = new Latest((text) => this.#set(text));
  #kept: string | null = null;

  constructor(options: GuardMemoryOptions) {
    this.#options = options;
    this.#file = join(options.home, 'guard', `${encodeURIComponent(options.host)}.json`);
    // What was kept while it was away.
    options.redis.on('ready', () => {
      if (this.#kept !== null) this.#inRedis.put(this.#kept);
    });
  }

  /** What an earlier run kept, the newer of the two; gives up on either after a moment: a guard that waits guards nothing. */
  async load(withinMs: number): Promise<SavedGuard | undefined> {
    const { redis, key, clock, log } = this.#options;
    const late = new AbortController();
    const soon = <T>(answer: Promise<T>): Promise<T | null> =>
      Promise.race([
        answer.catch((error: unknown) => {
          log.warn({ error }, 'a saved guard state could not be read');
          return null;
        }),
        clock.sleep(withinMs, late.signal).then(() => null),
      ]);
    try {
      const texts = await Promise.all([soon(this.#read()), soon(redis.get(key))]);
      return newest(texts.flatMap((text) => readSavedGuard(text) ?? []));
    } finally {
      late.abort();
    }
  }

  /** Takes what is to be kept now; of several that wait only the last is written. */
  keep(kept: KeptGuard): void {
    const text = JSON.stringify({ ...kept, saved_at: this.#options.clock.now() });
    this.#kept = text;
    this.#inFile.put(text);
    if (this.#options.redis.status === 'ready') this.#inRedis.put(text);
  }

  /** Settles when what was taken is written, or could not be. */
  async settled(): Promise<void> {
    await Promise.all([this.#inFile.idle(), this.#inRedis.idle()]);
  }

  async #read(): Promise<string | null> {
    try {
      return await readFile(this.#file, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
  }

  // By rename: a kill in the middle leaves the one before.
  async #write(text: string): Promise<void> {
    const draft = `${this.#file}.new`;
    try {
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
      await writeFile(draft, text, { mode: 0o600 });
      await rename(draft, this.#file);
    } catch (error) {
      this.#options.log.debug({ error }, 'the guard state was not written to disk');
    }
  }

  async #set(text: string): Promise<void> {
    const { redis, key, log } = this.#options;
    await redis.set(key, text).catch((error: unknown) => log.debug({ error }, 'the guard state was not saved in Redis'));
  }
}

function newest(found: readonly SavedGuard[]): SavedGuard | undefined {
  return [...found].sort((a, b) => b.generation - a.generation || b.savedAt - a.savedAt)[0];
}

/** Writes one text at a time; of those that come meanwhile only the last is written. */
class Latest {
  readonly #write: (text: string) => Promise<void>;
  #next: string | null = null;
  #running: Promise<void> | null = null;

  constructor(write: (text: string) => Promise<void>) {
    this.#write = write;
  }

  put(text: string): void {
    this.#next = text;
    this.#running ??= this.#run();
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#next !== null) {
      const text = this.#next;
      this.#next = null;
      await this.#write(text);
    }
    this.#running = null;
  }
}
