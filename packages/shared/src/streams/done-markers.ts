import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';
import { type Hashed, hashed, KnownDone } from './known-done.js';

const LEAST = 100_000;
const PAGE = 1000;
// Each generation is twice the one before it: with these there are more than ten million markers.
const MOST_GENERATIONS = 7;
// A filling that failed is tried again after so many events that had to be asked for.
const TRY_AGAIN_AFTER = 256;

/**
 * What a group is done with, as its reader knows it: filters that are filled from Redis once, in the background, and kept up by
 * whoever reads. Until then everything has to be asked. A filter that is full stays, and a larger one is begun beside it.
 */
export class DoneMarkers {
  readonly #client: RedisClient;
  readonly #key: string;
  #generations: KnownDone[] = [];
  #filling: KnownDone | undefined;
  #running: Promise<void> | undefined;
  #asked = 0;

  constructor(client: RedisClient, stream: string, group: string) {
    this.#client = client;
    this.#key = keys.done(stream, group);
  }

  /** Fills the filter, once at a time; what fails is tried again as events come. Never rejects. */
  fill(): Promise<void> {
    this.#running ??= this.#fill()
      .catch(() => undefined)
      .finally(() => {
        this.#filling = undefined;
        this.#running = undefined;
      });
    return this.#running;
  }

  /** Whether the group may be done with an event, or was asked for it before; false is certain, once. */
  seen(marker: Hashed): boolean {
    this.#filling?.add(marker);
    const newest = this.#generations.at(-1);
    if (newest === undefined) {
      this.#asked += 1;
      if (this.#asked % TRY_AGAIN_AFTER === 0) void this.fill();
      return true;
    }
    for (const older of this.#generations) if (older !== newest && older.mayHave(marker)) return true;
    const seen = newest.mayHave(marker, true);
    if (newest.count > newest.capacity) this.#grow(newest);
    return seen;
  }

  #grow(newest: KnownDone): void {
    this.#generations.push(new KnownDone(newest.capacity * 2));
    // Old markers are long gone from Redis: it begins anew, and is used as it is until that is done.
    if (this.#generations.length > MOST_GENERATIONS) void this.fill();
  }

  async #fill(): Promise<void> {
    const filling = new KnownDone(Math.max(LEAST, 2 * (await this.#client.zcard(this.#key))));
    // What is done while it is being filled goes into both: a scan need not see it.
    this.#filling = filling;
    let cursor = '0';
    do {
      const [next, members] = await this.#client.zscan(this.#key, cursor, 'COUNT', PAGE);
      for (let at = 0; at < members.length; at += 2) filling.add(hashed(members[at] ?? ''));
      cursor = next;
    } while (cursor !== '0');
    // The newest of the others has what was in hand when the filling began.
    const newest = this.#generations.at(-1);
    this.#generations = newest === undefined ? [filling] : [newest, filling];
  }
}
