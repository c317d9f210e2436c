/** The `count` largest, the largest first. Not by sorting all of them: of 10,000 processes ten are asked for. */
export function largest<T>(items: readonly T[], count: number, sizeOf: (item: T) => number): T[] {
  const found: { item: T; size: number }[] = [];
  for (const item of items) {
    const size = sizeOf(item);
    const last = found.at(-1);
    if (found.length >= count && last !== undefined && size <= last.size) continue;
    let at = found.length;
    while (at > 0 && (found[at - 1]?.size ?? 0) < size) at -= 1;
    found.splice(at, 0, { item, size });
    if (found.length > count) found.pop();
  }
  return found.map(({ item }) => item);
}
