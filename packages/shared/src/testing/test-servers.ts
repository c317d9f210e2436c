import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningServer } from '../embedded/server.js';

const running = new Set<RunningServer>();

/** A folder in the temporary folder that other users may pass through: PostgreSQL may run as another user. */
export async function testFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ops-test-'));
  await chmod(folder, 0o711);
  return folder;
}

/** Remembers a server, so that `stopTestServers` stops it and no leak check takes it for a leak. */
export function remember<T extends RunningServer>(server: T): T {
  running.add(server);
  return server;
}

/** Process ids of the servers that this worker started for its tests. */
export function testServerPids(): Set<number> {
  return new Set([...running].map(({ process }) => process.pid));
}

/**
 * Stops every server that this worker started. Seldom needed: they die with the worker, even with one that is killed,
 * and take their data with them.
 */
export async function stopTestServers(): Promise<void> {
  const all = [...running];
  running.clear();
  await Promise.all(all.map((server) => server.stop()));
}
