import type { BusyJob, ServedRun } from './served-runs.js';

/** Two jobs of a source, one of which is regularly due while the other one is at it. */
export interface Pair {
  readonly first: BusyJob;
  readonly second: BusyJob;
  readonly meetings: readonly { readonly first: ServedRun; readonly second: ServedRun }[];
}

interface Entry {
  readonly job: number;
  readonly run: ServedRun;
}

/**
 * Every pair of jobs that met: the slot of one run lay between the slot and the end of a run of the other. Which one is the first is decided by
 * the order of `jobs`, not by the runs.
 *
 * @param jobs of one source
 */
export function meetings(jobs: readonly BusyJob[]): readonly Pair[] {
  const entries = jobs
    .flatMap(({ runs }, job) => runs.map((run): Entry => ({ job, run })))
    .sort((a, b) => a.run.slot - b.run.slot);
  const pairs = new Map<number, { first: ServedRun; second: ServedRun }[]>();
  // One a job: of runs of the same job that overlap, the latest one.
  const open = new Map<number, Entry>();
  for (const entry of entries) {
    for (const other of open.values()) {
      if (other.run.end <= entry.run.slot) open.delete(other.job);
      if (other.job === entry.job || other.run.end <= entry.run.slot) continue;
      const [first, second] = other.job < entry.job ? [other, entry] : [entry, other];
      const key = first.job * jobs.length + second.job;
      const met = pairs.get(key) ?? [];
      met.push({ first: first.run, second: second.run });
      pairs.set(key, met);
    }
    open.set(entry.job, entry);
  }
  return [...pairs].flatMap(([key, met]) => {
    const [first, second] = [jobs[Math.floor(key / jobs.length)], jobs[key % jobs.length]];
    return first === undefined || second === undefined ? [] : [{ first, second, meetings: met }];
  });
}
