interface Node {
  readonly service: string;
  readonly dependsOn: readonly string[];
}

/** Services in waves to be stopped together: whoever depends on another goes before it. */
export function stopWaves<T extends Node>(services: readonly T[]): T[][] {
  const waves: T[][] = [];
  let left = [...services];
  while (left.length > 0) {
    const needed = new Set(left.flatMap(({ dependsOn }) => dependsOn));
    const free = left.filter(({ service }) => !needed.has(service));
    // A cycle, which Compose refuses: all at once.
    const wave = free.length > 0 ? free : left;
    waves.push(wave);
    left = left.filter((one) => !wave.includes(one));
  }
  return waves;
}
