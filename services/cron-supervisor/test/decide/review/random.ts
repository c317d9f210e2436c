/** Chance that is the same each time: numbers from a seed. */
export interface Random {
  /** From 0 up to 1, without 1. */
  next(): number;
  between(low: number, high: number): number;
  /** As likely in each factor of itself: between, on a logarithmic scale. */
  scale(low: number, high: number): number;
  /** Whole, both ends included. */
  whole(low: number, high: number): number;
  one<T>(of: readonly [T, ...T[]]): T;
  /** Standard normal. */
  normal(): number;
}

/** mulberry32 (Tommy Ettinger 2017, public domain): 32 bits of state, good enough to shake test data with; normal by Box & Muller 1958. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (low: number, high: number) => low + (high - low) * next();
  const whole = (low: number, high: number) => Math.floor(between(low, high + 1));
  return {
    next,
    between,
    scale: (low, high) => Math.exp(between(Math.log(low), Math.log(high))),
    whole,
    one: (of) => of[whole(0, of.length - 1)] ?? of[0],
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}
