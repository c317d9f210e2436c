/** What one call of `publish` has for one stream. */
export interface Parcel {
  readonly texts: readonly string[];
  readonly bytes: number;
  /** Replicas must confirm it. */
  readonly confirm: boolean;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

// A batch is one command of Redis, which answers nobody else meanwhile: about a millisecond.
const MOST_EVENTS = 500;
const FEW_EVENTS = 64;
const MOST_BYTES = 1024 * 1024;

/**
 * The way to one stream: one batch at a time, made of everything that came meanwhile. With two on their way, the first
 * could be refused and the second taken: order would be lost.
 */
export class Lane {
  readonly #deliver: (parcels: readonly Parcel[]) => Promise<void>;
  #waiting: Parcel[] = [];
  #running: Promise<void> | undefined;

  /** @param deliver settles every parcel that it is given; does not reject */
  constructor(deliver: (parcels: readonly Parcel[]) => Promise<void>) {
    this.#deliver = deliver;
  }

  add(parcel: Parcel): void {
    this.#waiting.push(parcel);
    this.#running ??= this.#run();
  }

  /** Resolves when nothing waits and nothing is on its way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Takes what waits off the lane: what has just failed must not be waited for once more by each of them. */
  takeWaiting(): readonly Parcel[] {
    return this.#waiting.splice(0);
  }

  /** More waits than what is on its way. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Whoever publishes in this turn of the event loop comes with it, also who was just told of the last batch.
      await new Promise<void>((next) => process.nextTick(next));
      while (this.#waiting.length > 0) await this.#deliver(this.#next());
    }
    this.#running = undefined;
  }

  // Half of what waits: while it is on its way, the other half is ready to follow, and Redis does not wait for us.
  #next(): readonly Parcel[] {
    const most = Math.min(Math.max(FEW_EVENTS, Math.ceil(this.#waiting.length / 2)), MOST_EVENTS);
    let [count, events, bytes] = [0, 0, 0];
    for (const parcel of this.#waiting) {
      events += parcel.texts.length;
      bytes += parcel.bytes;
      if (count > 0 && (events > most || bytes > MOST_BYTES)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
