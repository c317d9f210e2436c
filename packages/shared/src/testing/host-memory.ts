import { readFileSync } from 'node:fs';

/** Bytes of this machine's memory. */
export interface HostMemory {
  readonly total: number;
  /** What nobody else could have: neither free nor to be had by dropping caches. */
  readonly used: number;
}

/**
 * As Linux tells it. Free pages that lie in the lists of the CPUs, some GiB after a large process has ended, are not used, though MemAvailable
 * leaves them out: whoever takes memory is given those first.
 */
export function hostMemory(): HostMemory {
  const figure = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
  const inLists = [...readFileSync('/proc/zoneinfo', 'utf8').matchAll(/^\s+count:\s+(\d+)/gm)];
  const total = figure('MemTotal');
  return { total, used: inLists.reduce((used, [, pages]) => used - Number(pages) * 4096, total - figure('MemAvailable')) };
}
