import { existsSync } from 'node:fs';
import { chown, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { startOnLeash } from './leash.js';
import { ensureCluster } from './postgres-cluster.js';
import type { PostgresPlace } from './postgres-place.js';
import { isAlive } from './process-identity.js';
import { type Answer, type RunningServer, STOP_POSTGRESQL, stopper, untilUp } from './server.js';

export interface PostgresOptions {
  place: PostgresPlace;
  port: number;
  password: string;
  /** False does not wait for the disk. For tests. */
  durable?: boolean;
  removeAfter?: string;
}

/**
 * Starts a PostgreSQL on loopback with the database `ops`, and waits until it answers.
 * Throws SERVER_DID_NOT_START, and leaves nothing running then.
 */
export async function startPostgres({
  place,
  port,
  password,
  durable = true,
  removeAfter,
}: PostgresOptions): Promise<RunningServer> {
  await ensureCluster(place, password, durable);
  const log = await ownLog(place);
  const leashed = await startOnLeash({
    command: join(place.bin, 'postgres'),
    args: ['-D', place.data, '-p', String(port), ...settings(durable)],
    stopSignal: 'INT',
    log,
    user: place.user,
    removeAfter,
  });
  await untilUp('PostgreSQL', leashed, log, () => pingPostgres(port, password));
  const stop = stopper(leashed.server, STOP_POSTGRESQL);
  try {
    await ensureDatabase(port, password);
  } catch (error) {
    await stop();
    throw error;
  }
  const as = place.user === undefined ? '' : `, as user ${place.user.name}`;
  return {
    process: leashed.server,
    watcher: leashed.watcher,
    port,
    detail: `postgresql ${place.version}, data in ${place.data}${as}`,
    stop,
    alive: () => isAlive(leashed.server),
    ended: leashed.ended,
  };
}

/** Asks a PostgreSQL on loopback whether it takes our password and is ready. Never throws. */
export async function pingPostgres(port: number, password: string): Promise<Answer> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'ops',
    password,
    database: 'postgres',
    connectionTimeoutMillis: 2_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return 'up';
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === '57P03') return 'loading';
    return code?.startsWith('28') ? 'refused' : 'down';
  } finally {
    await client.end().catch(() => undefined);
  }
}

// Small on purpose: it shares the host with what it watches over.
function settings(durable: boolean): string[] {
  const wanted: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    shared_buffers: '32MB',
    max_connections: '100',
    log_min_messages: 'warning',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  return Object.entries(wanted).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

async function ensureDatabase(port: number, password: string): Promise<void> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'ops', password, database: 'postgres' });
  await client.connect();
  try {
    const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = 'ops'");
    if (rowCount === 0) await client.query('CREATE DATABASE ops');
  } finally {
    await client.end();
  }
}

async function ownLog(place: PostgresPlace): Promise<string> {
  const path = join(dirname(place.data), 'postgresql.log');
  if (!existsSync(path)) await writeFile(path, '', { mode: 0o600 });
  if (place.user !== undefined) await chown(path, place.user.uid, place.user.gid);
  return path;
}
