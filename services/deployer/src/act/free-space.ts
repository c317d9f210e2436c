import { readFile, statfs } from 'node:fs/promises';
import { freemem } from 'node:os';
import { availableBytes, freeListBytes, readMachineUnits } from '@ops/shared/host';

/** MB that are free for us on the file system of a path; null where it cannot be seen from here. */
export async function freeSpace(path: string): Promise<number | null> {
  const found = await statfs(path).catch(() => undefined);
  return found === undefined ? null : Math.floor((found.bavail * found.bsize) / 1024 / 1024);
}

/** Bytes of memory that can be had without swapping. */
export async function availableMemory(procRoot = '/proc'): Promise<number> {
  const [meminfo, zoneinfo] = await Promise.all([textOf(`${procRoot}/meminfo`), textOf(`${procRoot}/zoneinfo`)]);
  const [total, available] = ['MemTotal', 'MemAvailable'].map((name) => bytesOf(meminfo, name));
  if (total === undefined || available === undefined) return freemem();
  return availableBytes(available, freeListBytes(zoneinfo, readMachineUnits(procRoot).pageBytes, total), total);
}

function bytesOf(meminfo: string, name: string): number | undefined {
  const [, kb] = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo) ?? [];
  return kb === undefined ? undefined : Number(kb) * 1024;
}

async function textOf(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '');
}
