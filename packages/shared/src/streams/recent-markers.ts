const MOST = 4096;

/** The last few thousand markers that were handled: looked through seldom, so that noting one costs nothing. */
export class RecentMarkers {
  readonly #ring: string[] = [];
  #next = 0;

  add(marker: string): void {
    this.#ring[this.#next] = marker;
    this.#next = (this.#next + 1) % MOST;
  }

  has(marker: string): boolean {
    return this.#ring.includes(marker);
  }

  clear(): void {
    this.#ring.length = 0;
    this.#next = 0;
  }
}
