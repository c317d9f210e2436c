import type { ProcessFact } from '../decide/runaway-process.js';
import type { ProcessInfo, ProcessTable } from './process-table.js';

/** Windows shorter than this hold too few ticks to tell anything, in milliseconds. */
const shortestWindowMs = 50;

/**
 * Processes of `current` (all, where none are given) with the percent of one core that each used since `previous` (more than 100
 * with several threads). Null for a process that was not there before, has another start time, or when the window is too short.
 */
export function processUsage(
  previous: ProcessTable | null,
  current: ProcessTable,
  processes: readonly ProcessInfo[] = current.processes,
): (ProcessInfo & ProcessFact)[] {
  const asked = new Set(processes.map(({ pid }) => pid));
  const before = new Map<number, ProcessInfo>();
  for (const process of previous?.processes ?? []) if (asked.has(process.pid)) before.set(process.pid, process);
  const windowMs = current.monotonicMs - (previous?.monotonicMs ?? current.monotonicMs);
  return processes.map((process) => {
    const earlier = before.get(process.pid);
    const isSame = earlier?.startTime === process.startTime;
    if (earlier === undefined || !isSame || windowMs < shortestWindowMs) return { ...process, cpuPercent: null };
    const ticks = Math.max(0, process.cpuTicks - earlier.cpuTicks);
    return { ...process, cpuPercent: (ticks * 100_000) / current.ticksPerSecond / windowMs };
  });
}
