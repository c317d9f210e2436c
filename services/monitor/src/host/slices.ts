/** Work that can be put aside: at each yield something else may have its turn. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Does it without a pause. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Does it in slices of so many milliseconds, and lets everything else have its turn between two. What takes no longer than one is done at once. */
export async function inSlices<T>(steps: Steps<T>, sliceMs: number): Promise<T> {
  for (;;) {
    const end = performance.now() + sliceMs;
    do {
      const { done, value } = steps.next();
      if (done === true) return value;
    } while (performance.now() < end);
    await nextTurn();
  }
}

/** Goes through items and puts the work aside every now and then. */
export function* eachOf<T>(items: readonly T[], take: (item: T) => void): Steps<void> {
  for (const [index, item] of items.entries()) {
    take(item);
    if (index % 256 === 255) yield;
  }
}

// Not that of `node:timers/promises`, which looks at options that nobody gives, with each turn of each sample.
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
