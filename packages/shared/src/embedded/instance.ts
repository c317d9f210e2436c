import { resolve } from 'node:path';
import { lockHome } from './lock.js';
import { openDatabase, openRedis } from './open-server.js';
import { ensureHome } from './private-files.js';
import { readRecord, removeRecord, type ServerName, writeRecord } from './record.js';
import type { RunningServer } from './server.js';

export interface InstanceOptions {
  /** Folder of all data of the instance. */
  home: string;
  /** Port of the instance; Redis prefers the next one, PostgreSQL the one after that. 0 takes free ones. */
  port: number;
  redisUrl?: string | undefined;
  databaseUrl?: string | undefined;
  /** Image for a Redis container, used where there is no Redis on the PATH. */
  redisImage?: string | undefined;
  /** Told what was started, one line each, without secrets. */
  say?: ((line: string) => void) | undefined;
}

export interface InstanceServer {
  name: ServerName;
  origin: 'given' | 'reused' | 'started';
  /** host:port, without a password. */
  address: string;
  detail: string;
}

/** The two servers that everything stands on. */
export interface Instance {
  redisUrl: string;
  databaseUrl: string;
  servers: InstanceServer[];
  /** Process ids of the servers that are ours: they must never be taken for anybody else's. */
  pids: number[];
  /** Stops what was started or taken over, PostgreSQL first; may be called again. */
  close(): Promise<void>;
}

/** One of the two: its URL, how it is shown, and, when it is ours, the server itself. */
export interface OpenServer {
  url: string;
  shown: InstanceServer;
  running?: RunningServer;
}

/**
 * Opens the instance of a home: uses the URLs given, takes over what still runs, starts the rest.
 * Throws EmbeddedError: INSTANCE_IN_USE when another process has the home, REDIS_MISSING, POSTGRESQL_MISSING, SERVER_DID_NOT_START.
 * After an error nothing of it is left running.
 */
export async function openInstance(options: InstanceOptions): Promise<Instance> {
  const home = resolve(options.home);
  const say = options.say ?? (() => undefined);
  await ensureHome(home);
  const unlock = await lockHome(home, `127.0.0.1:${options.port}`);
  const opened: OpenServer[] = [];
  let closing = false;
  const unwind = async (): Promise<void> => {
    closing = true;
    for (const { running } of opened.toReversed()) await running?.stop();
    await removeRecord(home);
    await unlock();
  };
  try {
    const former = await readRecord(home);
    const found = await Promise.allSettled([openRedis(options, home, former, say), openDatabase(options, home, former, say)]);
    for (const one of found) if (one.status === 'fulfilled') opened.push(one.value);
    const [redis, database] = found;
    if (redis.status === 'rejected') throw redis.reason;
    if (database.status === 'rejected') throw database.reason;
    await record(home, options.port, opened);
    for (const { shown, running } of opened) {
      void running?.ended.then((how) => {
        if (!closing) say(`${shown.name}: ended unexpectedly (${how?.signal ?? `code ${how?.code}`})`);
      });
    }
    let closed: Promise<void> | undefined;
    const close = (): Promise<void> => {
      closed ??= unwind();
      return closed;
    };
    const pids = opened.flatMap(({ running }) =>
      running === undefined ? [] : [running.process.pid, ...(running.watcher === undefined ? [] : [running.watcher.pid])],
    );
    return { redisUrl: redis.value.url, databaseUrl: database.value.url, servers: opened.map(({ shown }) => shown), pids, close };
  } catch (error) {
    await unwind();
    throw error;
  }
}

function record(home: string, port: number, opened: OpenServer[]): Promise<void> {
  const ours = opened.flatMap(({ shown, running }) => {
    if (running === undefined) return [];
    const { process, watcher, port } = running;
    return [[shown.name, { process, watcher, port }] as const];
  });
  const given = opened
    .filter(({ url, running }) => running === undefined && !/@|password/i.test(url))
    .map(({ shown, url }) => [shown.name, url] as const);
  return writeRecord(home, {
    startedAt: new Date().toISOString(),
    owner: process.pid,
    port,
    servers: Object.fromEntries(ours),
    given: Object.fromEntries(given),
  });
}
