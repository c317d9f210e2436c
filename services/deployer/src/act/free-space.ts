import { readFile, statfs } from 'node:fs/promises';
import { freemem } from 'node:os';

/** MB that are free for us on the file system of a path; null where it cannot be seen from here. */
export async function freeSpace(path: string): Promise<number | null> {
  const found = await statfs(path).catch(() => undefined);
  return found === undefined ? null : Math.floor((found.bavail * found.bsize) / 1024 / 1024);
}

/** Bytes of memory that can be had without swapping. */
export async function availableMemory(): Promise<number> {
  const [, kb] = /^MemAvailable:\s+(\d+) kB/m.exec(await readFile('/proc/meminfo', 'utf8').catch(() => '')) ?? [];
  return kb === undefined ? freemem() : Number(kb) * 1024;
}
