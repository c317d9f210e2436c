import type { ProcessFact } from './runaway-process.js';

/**
 * For each process, whether it or one of its ancestors is one of these. Each is looked at once, however deep the tree: a table may
 * hold 10,000. A table is no snapshot, so parents may be missing, and a reused number may even close a ring: a ring, and what hangs
 * on it, has the answer of all that are in it.
 */
export function inherited(
  processes: readonly ProcessFact[],
  byPid: ReadonlyMap<number, ProcessFact>,
  isOne: (process: ProcessFact) => boolean,
): ReadonlySet<number> {
  const answers = new Map<number, boolean>();
  for (const process of processes) {
    const way: number[] = [];
    const seen = new Set<number>();
    let answer = false;
    let next: ProcessFact | undefined = process;
    while (next !== undefined && !seen.has(next.pid)) {
      const known = answers.get(next.pid);
      if (known !== undefined) {
        answer = known;
        break;
      }
      seen.add(next.pid);
      way.push(next.pid);
      next = byPid.get(next.ppid);
    }
    const isRing = next !== undefined && seen.has(next.pid);
    if (isRing) answer = way.some((pid) => isMember(pid));
    for (const pid of way.reverse()) {
      answer ||= isMember(pid);
      answers.set(pid, answer);
    }
  }
  return new Set([...answers].flatMap(([pid, answer]) => (answer ? [pid] : [])));

  function isMember(pid: number): boolean {
    const process = byPid.get(pid);
    return process !== undefined && isOne(process);
  }
}

/** From the parent upwards. */
export function ancestorsOf(pid: number, byPid: ReadonlyMap<number, ProcessFact>): ProcessFact[] {
  const found: ProcessFact[] = [];
  const seen = new Set([pid]);
  let next = byPid.get(byPid.get(pid)?.ppid ?? 0);
  while (next !== undefined && !seen.has(next.pid)) {
    found.push(next);
    seen.add(next.pid);
    next = byPid.get(next.ppid);
  }
  return found;
}
