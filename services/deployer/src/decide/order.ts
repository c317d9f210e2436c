interface Node {
  readonly service: string;
  readonly dependsOn: readonly string[];
}

/** Services so that each comes after what it depends on; what is equal stays in the order of names. A cycle, which Compose refuses, is cut. */
export function startOrder<T extends Node>(services: readonly T[]): T[] {
  const byName = new Map(services.map((one) => [one.service, one]));
  const ordered: T[] = [];
  const seen = new Set<string>();
  const visit = (one: T) => {
    if (seen.has(one.service)) return;
    seen.add(one.service);
    for (const name of [...one.dependsOn].sort()) {
      const needed = byName.get(name);
      if (needed !== undefined) visit(needed);
    }
    ordered.push(one);
  };
  for (const one of [...services].sort((a, b) => (a.service < b.service ? -1 : 1))) visit(one);
  return ordered;
}
