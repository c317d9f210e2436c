const MOST = 8192;

/** The last few thousand keys: what was done since Redis was asked. */
export class RecentKeys {
  readonly #keys = new Set<string>();

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add(key: string): void {
    this.#keys.add(key);
    if (this.#keys.size <= MOST) return;
    // A Set keeps the order of insertion: the first is the oldest.
    for (const oldest of this.#keys) {
      this.#keys.delete(oldest);
      break;
    }
  }

  clear(): void {
    this.#keys.clear();
  }
}
