import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ownerOf } from './lock.js';
import { readIfThere, writePrivate } from './private-files.js';
import type { ProcessIdentity } from './process-identity.js';

export type ServerName = 'redis' | 'postgresql';

/** A server that was started for the home. */
export interface ServerRecord {
  process: ProcessIdentity;
  watcher?: ProcessIdentity | undefined;
  port: number;
}

/** What <home>/instance.json says: where the servers of a home are. Passwords are not in it, they stay in <home>/secrets. */
export interface InstanceRecord {
  startedAt: string;
  owner: number;
  port: number;
  servers: Partial<Record<ServerName, ServerRecord>>;
  /** URLs that were given and hold no password. */
  given: Partial<Record<ServerName, string>>;
}

const FILE = 'instance.json';

export const SECRET_OF = { redis: 'redis-password', postgresql: 'postgresql-password' } as const;

export async function readRecord(home: string): Promise<InstanceRecord | undefined> {
  try {
    return JSON.parse((await readIfThere(join(home, FILE))) ?? '') as InstanceRecord;
  } catch {
    return undefined;
  }
}

export function writeRecord(home: string, record: InstanceRecord): Promise<void> {
  return writePrivate(join(home, FILE), `${JSON.stringify(record, null, 2)}\n`);
}

export function removeRecord(home: string): Promise<void> {
  return rm(join(home, FILE), { force: true });
}

export function redisUrlOf(port: number, password: string): string {
  return `redis://default:${password}@127.0.0.1:${port}/0`;
}

export function databaseUrlOf(port: number, password: string): string {
  return `postgresql://ops:${password}@127.0.0.1:${port}/ops`;
}

/** Where a running instance is to be reached, passwords included. */
export interface InstanceAddresses {
  pid: number;
  port: number;
  /** Absent when the instance was given a URL with a password: that is nowhere on disk. */
  redisUrl?: string;
  databaseUrl?: string;
}

/** The addresses of the instance that runs on this home, or undefined when none does. */
export async function readInstance(home: string): Promise<InstanceAddresses | undefined> {
  const [owner, record] = [await ownerOf(home), await readRecord(home)];
  if (owner === undefined || record === undefined || record.owner !== owner.pid) return undefined;
  const url = async (name: ServerName, build: typeof redisUrlOf): Promise<string | undefined> => {
    const server = record.servers[name];
    if (server === undefined) return record.given[name];
    const password = await readIfThere(join(home, 'secrets', SECRET_OF[name]));
    return password === undefined ? undefined : build(server.port, password.trim());
  };
  const redisUrl = await url('redis', redisUrlOf);
  const databaseUrl = await url('postgresql', databaseUrlOf);
  return { pid: owner.pid, port: record.port, ...(redisUrl && { redisUrl }), ...(databaseUrl && { databaseUrl }) };
}
