import { readFileSync } from 'node:fs';
import { availableBytes, freeListBytes, readMachineUnits } from '../host/index.js';

/** Bytes of this machine's memory. */
export interface HostMemory {
  readonly total: number;
  /** What nobody else could have: neither free nor to be had by dropping caches. */
  readonly used: number;
  /** In the lists of the CPUs. */
  readonly inLists: number;
}

/**
 * As Linux tells it, with the free pages in the lists of the CPUs, which MemAvailable leaves out: some GiB after a large process has ended. Whoever
 * takes memory is given those of its CPU first.
 */
export function hostMemory(): HostMemory {
  const [meminfo, zoneinfo] = ['meminfo', 'zoneinfo'].map((name) => readFileSync(`/proc/${name}`, 'utf8'));
  const figure = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(meminfo ?? '')?.[1]) * 1024;
  const total = figure('MemTotal');
  const inLists = freeListBytes(zoneinfo ?? '', readMachineUnits('/proc').pageBytes, total);
  return { total, used: total - availableBytes(figure('MemAvailable'), inLists, total), inLists };
}
