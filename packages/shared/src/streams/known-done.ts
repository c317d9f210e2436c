/**
 * A Bloom filter over the markers of a group. Only the reader of the group writes markers, so a filter that was filled once and is
 * kept up knows them all; `false` needs no question to Redis, `true` does.
 */
export class KnownDone {
  readonly #bits: Int32Array;
  readonly #mask: number;
  #count = 0;

  /** @param capacity markers for which about one in two thousand questions is asked in vain */
  constructor(capacity: number) {
    // Twenty bits a marker and more, as a power of two.
    const bits = 2 ** Math.ceil(Math.log2(Math.max(capacity, 1000) * 20));
    this.#bits = new Int32Array(bits / 32);
    this.#mask = bits - 1;
  }

  /** How many markers were added. */
  get count(): number {
    return this.#count;
  }

  add(marker: string): void {
    let [at, step] = hashes(marker);
    for (let round = 0; round < ROUNDS; round += 1) {
      const bit = at & this.#mask;
      this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
      at = (at + step) | 0;
      step = (step + round) | 0;
    }
    this.#count += 1;
  }

  /** Whether the group may be done with it; false is certain. */
  mayHave(marker: string): boolean {
    let [at, step] = hashes(marker);
    for (let round = 0; round < ROUNDS; round += 1) {
      const bit = at & this.#mask;
      if (((this.#bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
      at = (at + step) | 0;
      step = (step + round) | 0;
    }
    return true;
  }
}

const ROUNDS = 6;

// Two FNV-1a hashes over the same letters, from different beginnings (enhanced double hashing, Dillinger and Manolios 2004).
function hashes(text: string): [number, number] {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
    b ^= b >>> 13;
  }
  return [a, b | 1];
}
