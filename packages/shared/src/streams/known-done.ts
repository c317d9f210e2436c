/** A marker as the filter knows it. */
export interface Hashed {
  readonly hash: number;
  readonly step: number;
}

/**
 * A Bloom filter over the markers of a group. Only the reader of the group writes markers, so a filter that was filled once and is
 * kept up knows them all; `false` needs no question to Redis, `true` does.
 */
export class KnownDone {
  readonly #bits: Int32Array;
  readonly #mask: number;
  /** How many markers it is made for. */
  readonly capacity: number;
  #count = 0;

  /** @param capacity markers for which about one in two thousand questions is asked in vain */
  constructor(capacity: number) {
    this.capacity = capacity;
    // Twenty bits a marker and more, as a power of two.
    const bits = 2 ** Math.ceil(Math.log2(Math.max(capacity, 1000) * 20));
    this.#bits = new Int32Array(bits / 32);
    this.#mask = bits - 1;
  }

  /** How many markers were added. */
  get count(): number {
    return this.#count;
  }

  add({ hash, step }: Hashed): void {
    this.mayHave({ hash, step }, true);
  }

  /** Whether it was added; false is certain. With `add` it is added in the same step. */
  mayHave({ hash, step: first }: Hashed, add = false): boolean {
    let [at, step, had] = [hash, first, true];
    for (let round = 0; round < ROUNDS; round += 1) {
      const word = (at & this.#mask) >>> 5;
      const bit = 1 << (at & 31);
      const bits = this.#bits[word] ?? 0;
      if ((bits & bit) === 0) {
        if (!add) return false;
        had = false;
        this.#bits[word] = bits | bit;
      }
      at = (at + step) | 0;
      step = (step + round) | 0;
    }
    if (add && !had) this.#count += 1;
    return had;
  }
}

const ROUNDS = 6;

/** Hashes a marker; once is enough for every group. */
// Two FNV-1a hashes over the same letters, from different beginnings (enhanced double hashing, Dillinger and Manolios 2004).
export function hashed(text: string): Hashed {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
    b ^= b >>> 13;
  }
  return { hash: a, step: b | 1 };
}
