import { readFileSync } from 'node:fs';
import { pause } from '../service-process.mjs';
import { now } from './clock.mjs';

// USER_HZ: the kernel counts for the outside in hundredths of a second, on every machine that Debian runs on.
const TICK_MS = 10;

/**
 * What processes use over a time in which nothing happens.
 * @param groups pids, by name
 * @returns percent of one core (all their threads), and at the end of it RSS and PSS in MB, by name
 */
export async function useOf(groups, ms) {
  const before = ticksOf(groups);
  const began = now();
  await pause(ms);
  const after = ticksOf(groups);
  const wall = now() - began;
  return Object.fromEntries(
    Object.entries(groups).map(([name, pids]) => [
      name,
      {
        cpu: (100 * TICK_MS * (after[name] - before[name])) / wall,
        rss: sum(pids, (pid) => megabytes(`/proc/${pid}/status`, 'VmRSS')),
        pss: sum(pids, (pid) => megabytes(`/proc/${pid}/smaps_rollup`, 'Pss')),
      },
    ]),
  );
}

/** How often the main thread of a process has gone to sleep by itself, and so been woken again, since it began. */
export const wakesOf = (pid) =>
  Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);

const sum = (pids, of) => pids.reduce((total, pid) => total + of(pid), 0);

function ticksOf(groups) {
  return Object.fromEntries(Object.entries(groups).map(([name, pids]) => [name, sum(pids, ticks)]));
}

function ticks(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function megabytes(file, name) {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(file, 'latin1'));
  return (Number(found?.[1]) * 1024) / 1e6;
}
