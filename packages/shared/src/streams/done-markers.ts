import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';
import { type Hashed, hashed, KnownDone } from './known-done.js';

const LEAST = 100_000;
const PAGE = 1000;

/**
 * What a group is done with, as its reader knows it: a filter that is filled from Redis once, in the background, and kept up by
 * whoever reads. Until it is filled, and when more was done than it was made for, everything has to be asked.
 */
export class DoneMarkers {
  readonly #client: RedisClient;
  readonly #key: string;
  #known: KnownDone | undefined;
  #capacity = 0;
  #filling: KnownDone | undefined;

  constructor(client: RedisClient, stream: string, group: string) {
    this.#client = client;
    this.#key = keys.done(stream, group);
  }

  /** Fills the filter; rejects when Redis does not answer, and may be called again then. */
  async fill(): Promise<void> {
    if (this.#filling !== undefined) return;
    const capacity = Math.max(LEAST, 2 * (await this.#client.zcard(this.#key)));
    // What is done while it is being filled goes into both: a scan need not see it.
    const filling = new KnownDone(capacity);
    this.#filling = filling;
    try {
      let cursor = '0';
      do {
        const [next, members] = await this.#client.zscan(this.#key, cursor, 'COUNT', PAGE);
        for (let at = 0; at < members.length; at += 2) filling.add(hashed(members[at] ?? ''));
        cursor = next;
      } while (cursor !== '0');
      this.#known = filling;
      this.#capacity = capacity;
    } finally {
      this.#filling = undefined;
    }
  }

  /** Whether the group may be done with an event, or was asked for it before; false is certain, once. */
  seen(marker: Hashed): boolean {
    this.#filling?.add(marker);
    const known = this.#known;
    if (known === undefined) return true;
    const seen = known.mayHave(marker, true);
    if (known.count > this.#capacity && this.#filling === undefined) void this.fill().catch(() => undefined);
    return seen;
  }
}
