import { createHash } from 'node:crypto';
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
}

const MOST = 500;
// A few acknowledgements that come one by one go together: nobody waits for them.
const LINGER_MS = 5;
const ENOUGH = 64;
const LONGEST_PAUSE_MS = 2000;

/**
 * Markers and acknowledgements, both or none: Redis refuses a script for want of memory or rights before its first write.
 *
 * KEYS: stream, the group's markers. ARGV: group, the time, how many markers, the markers, the entry ids.
 */
const SETTLE = `
local markers = tonumber(ARGV[3])
if markers > 0 then
  local scored = {}
  for at = 1, markers do scored[#scored + 1] = ARGV[2]; scored[#scored + 1] = ARGV[3 + at] end
  redis.call('ZADD', KEYS[2], unpack(scored))
end
return redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 4 + markers))`;
const SHA = createHash('sha1').update(SETTLE).digest('hex');

/**
 * Acknowledges what is finished, many entries a write. What comes while a write is under way is in the next one. A write
 * that is refused (Redis is away or full) is repeated; no handler runs again for that.
 */
export class Settlement {
  readonly #options: SettlementOptions;
  #waiting: Waiting[] = [];
  #writing = false;
  #lingers = false;
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

  /** Settles an entry as soon as Redis takes it; `onSettled` tells. */
  settle(id: string, marker: string | undefined): void {
    if (this.#closed) return;
    this.#waiting.push({ id, marker });
    if (this.#lingers && this.#waiting.length >= ENOUGH) this.#wake();
    if (this.#writing) return;
    this.#writing = true;
    void this.#write();
  }

  /** Gives up what has not been taken; it stays pending. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#wake();
  }

  async #write(): Promise<void> {
    let failures = 0;
    while (this.#waiting.length > 0) {
      if (this.#waiting.length < ENOUGH) {
        this.#lingers = true;
        await this.#pause(LINGER_MS);
        this.#lingers = false;
      }
      const batch = this.#waiting.splice(0, MOST);
      if (batch.length === 0) break;
      try {
        this.#sent = batch.length;
        await this.#send(batch);
        this.#sent = 0;
        failures = 0;
        this.#options.onSettled(batch.map(({ id }) => id));
      } catch (error) {
        this.#sent = 0;
        if (this.#closed) break;
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
    const markers = batch.flatMap(({ marker }) => (marker === undefined ? [] : [marker]));
    const given = [group, now(), markers.length, ...markers, ...batch.map(({ id }) => id)];
    const done = keys.done(stream, group);
    try {
      await client.evalsha(SHA, 2, stream, done, ...given);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      await client.eval(SETTLE, 2, stream, done, ...given);
    }
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
