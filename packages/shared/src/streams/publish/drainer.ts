import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { isUnavailable, NotReplicatedError } from '../errors.js';
import type { Spool } from '../spool/spool.js';
import { isConfirmed } from './confirmed.js';
import type { StreamWriter } from './stream-writer.js';

const MOST = 500;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** What is being written: stream → events, without the streams that are done. */
interface Chunk {
  readonly entries: number;
  readonly groups: Map<string, string[]>;
}

/** Writes the spool to Redis, in order, as soon as Redis takes it; tries for ever, drops nothing. */
export class Drainer {
  readonly #spool: Spool;
  readonly #writer: StreamWriter;
  readonly #log: Logger | undefined;
  readonly #emptied: () => void;
  readonly #stop = new AbortController();
  #chunk: Chunk | undefined;
  #running: Promise<void> | undefined;
  #cutPause = new AbortController();
  /** Why it does not get on; undefined while it does. */
  failure: unknown;

  /** @param emptied told at the end of an outage */
  constructor(spool: Spool, writer: StreamWriter, log: Logger | undefined, emptied: () => void) {
    this.#spool = spool;
    this.#writer = writer;
    this.#log = log;
    this.#emptied = emptied;
  }

  /** There is something in the spool. */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#running ??= this.#run();
  }

  /** Redis may be back: no use in waiting on. */
  nudge(): void {
    this.#cutPause.abort();
  }

  /** Ends after what it is doing; the rest stays in the spool. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.nudge();
    await this.#running;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted && this.#spool.size.entries > 0) {
      try {
        await this.#round();
        failures = 0;
        this.failure = undefined;
      } catch (error) {
        failures += 1;
        if (!this.#stop.signal.aborted) this.#say(error);
        this.failure = error;
        await this.#pause(Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 6), LONGEST_PAUSE_MS));
      }
    }
    this.#running = undefined;
    if (this.#spool.size.entries > 0) return;
    this.#emptied();
    this.#log?.info('the spool is on the bus');
  }

  async #round(): Promise<void> {
    this.#chunk ??= await this.#next();
    const { entries, groups } = this.#chunk;
    for (const [stream, texts] of groups) {
      await this.#writer.write(stream, texts, texts.some(isConfirmed));
      groups.delete(stream);
    }
    await this.#spool.take(entries, this.#writer.lasts());
    this.#chunk = undefined;
  }

  async #next(): Promise<Chunk> {
    const entries = await this.#spool.peek(MOST);
    if (entries.length === 0) throw new Error('nothing can be read of what waits');
    const groups = new Map<string, string[]>();
    for (const { stream, text } of entries) {
      const group = groups.get(stream);
      if (group === undefined) groups.set(stream, [text]);
      else group.push(text);
    }
    return { entries: entries.length, groups };
  }

  // Once a reason: an outage of hours must be seen, and must not fill the disk.
  #say(error: unknown): void {
    const reason = reasonOf(error);
    if (this.failure !== undefined && reasonOf(this.failure) === reason) return;
    const facts = { waiting: this.#spool.size, error };
    if (reason === 'away') this.#log?.warn(facts, 'Redis does not take the spool yet, trying again');
    else if (reason === 'replicas') this.#log?.warn(facts, 'too few replicas confirm what comes from the spool, trying again');
    else this.#log?.error(facts, 'the spool cannot be written to the bus, trying again until a person has mended it');
  }

  async #pause(ms: number): Promise<void> {
    this.#cutPause = new AbortController();
    if (this.#stop.signal.aborted) return;
    await wait(ms, undefined, { signal: this.#cutPause.signal }).catch(() => undefined);
  }
}

function reasonOf(error: unknown): 'away' | 'replicas' | 'refused' {
  if (error instanceof NotReplicatedError) return 'replicas';
  return isUnavailable(error) ? 'away' : 'refused';
}
