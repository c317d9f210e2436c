import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';

export interface SettlementOptions {
  readonly client: RedisClient;
  readonly stream: string;
  readonly group: string;
  readonly now: () => number;
  /** Told in the step in which Redis took them. */
  readonly onSettled: (ids: readonly string[]) => void;
  /** Told of a write that Redis did not take; it is tried again. */
  readonly onRefused: (error: unknown) => void;
}

interface Waiting {
  readonly id: string;
  /** `source/id` of an event that is done; undefined for what is only acknowledged. */
  readonly marker: string | undefined;
  readonly done: (settled: boolean) => void;
}

const MOST = 500;
const LONGEST_PAUSE_MS = 2000;

/**
 * Acknowledges what is finished, many entries a write. Markers and acknowledgements share a slot and are one MULTI: Redis
 * takes both or none. What comes while a write is under way is in the next one. A write that is refused (Redis is away or
 * full) is repeated; no handler runs again for that.
 */
export class Settlement {
  readonly #options: SettlementOptions;
  #waiting: Waiting[] = [];
  #writing = false;
  #sent = 0;
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(options: SettlementOptions) {
    this.#options = options;
  }

  /** Entries whose acknowledgement is on its way. */
  get sent(): number {
    return this.#sent;
  }

  /** Settles an entry; resolves with true when Redis has taken it, with false when it was closed before. */
  settle(id: string, marker?: string): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    return new Promise((done) => {
      this.#waiting.push({ id, marker, done });
      if (!this.#writing) {
        this.#writing = true;
        // What finishes in the same turn goes into the same write.
        setImmediate(() => void this.#write());
      }
    });
  }

  /** Gives up what has not been taken; it stays pending. */
  close(): void {
    this.#closed = true;
    this.#wake();
    for (const { done } of this.#waiting.splice(0)) done(false);
  }

  async #write(): Promise<void> {
    let failures = 0;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MOST);
      try {
        this.#sent = batch.length;
        await this.#send(batch);
        this.#sent = 0;
        failures = 0;
        this.#options.onSettled(batch.map(({ id }) => id));
        for (const { done } of batch) done(true);
      } catch (error) {
        this.#sent = 0;
        if (this.#closed) {
          for (const { done } of batch) done(false);
          break;
        }
        this.#waiting.unshift(...batch);
        failures += 1;
        this.#options.onRefused(error);
        await this.#pause(Math.min(50 * 2 ** Math.min(failures, 10), LONGEST_PAUSE_MS));
      }
    }
    this.#writing = false;
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    const { client, stream, group, now } = this.#options;
    const at = String(now());
    const marked = batch.flatMap(({ marker }) => (marker === undefined ? [] : [at, marker]));
    const ids = batch.map(({ id }) => id);
    if (marked.length === 0) {
      await client.xack(stream, group, ...ids);
      return;
    }
    const replies = await client
      .multi()
      .zadd(keys.done(stream, group), ...marked)
      .xack(stream, group, ...ids)
      .exec();
    const refused = replies?.find(([error]) => error !== null)?.[0];
    if (refused) throw refused;
    if (replies === null) throw new Error('EXECABORT the acknowledgement was not taken');
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
