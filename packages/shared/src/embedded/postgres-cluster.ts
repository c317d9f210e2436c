import { existsSync } from 'node:fs';
import { chown, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EmbeddedError } from './errors.js';
import { startOnLeash } from './leash.js';
import type { PostgresPlace } from './postgres-place.js';
import { identify } from './process-identity.js';

/**
 * Makes the data folder of a place ready: creates the cluster (UTF-8, C locale, scram passwords, superuser `ops`) when there is none.
 * Throws SERVER_DID_NOT_START with what initdb said.
 */
export async function ensureCluster(place: PostgresPlace, password: string, durable: boolean): Promise<void> {
  if (existsSync(join(place.data, 'PG_VERSION'))) return removeForeignPidFile(place.data);
  const parent = dirname(place.data);
  const half = `${place.data}.new`;
  const passwordFile = join(parent, '.password');
  const log = join(parent, 'initdb.log');
  await rm(half, { recursive: true, force: true });
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' });
  if (place.user !== undefined) await chown(passwordFile, place.user.uid, place.user.gid);
  const args = [
    '--pgdata',
    half,
    '--username',
    'ops',
    '--pwfile',
    passwordFile,
    '--auth',
    'scram-sha-256',
    '--encoding',
    'UTF8',
    '--locale',
    'C',
  ];
  try {
    const leashed = await startOnLeash({
      command: join(place.bin, 'initdb'),
      args: [...args, '--no-instructions', ...(durable ? [] : ['--no-sync'])],
      stopSignal: 'TERM',
      log,
      user: place.user,
    });
    const { code, signal } = await keepingAlive(leashed.ended);
    if (code !== 0) {
      const said = (await readFile(log, 'utf8')).trimEnd().split('\n').slice(-5).join('\n');
      throw new EmbeddedError('SERVER_DID_NOT_START', `initdb ended with ${signal ?? `code ${code}`}:\n${said}`, {
        server: 'PostgreSQL',
        log,
      });
    }
    // The folder gets its name only when it is whole: an initdb that was killed is begun again.
    await rename(half, place.data);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

// PostgreSQL refuses to start when the pid of its pid file lives. After a reboot or in a new container that is often another program.
async function removeForeignPidFile(data: string): Promise<void> {
  const path = join(data, 'postmaster.pid');
  const pid = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10);
  if (!Number.isInteger(pid) || identify(pid) === undefined) return;
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'postgres');
  if (name.trim() !== 'postgres') await rm(path, { force: true });
}

// A child on a leash does not keep the event loop alive, and here there is nothing else that would.
async function keepingAlive<T>(promise: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, 1_000);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}
