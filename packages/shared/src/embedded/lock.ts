import { randomBytes } from 'node:crypto';
import { link, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedError } from './errors.js';
import { readIfThere } from './private-files.js';
import { identify, isAlive, type ProcessIdentity } from './process-identity.js';

interface Owner extends ProcessIdentity {
  address: string;
}

// A home has locks lock.1, lock.2, …; the highest one counts. Who finds it given up, or its owner dead, makes the next, and the file
// system lets only one do so. Deleting a stale lock instead would let two in: the second could delete the lock that the first just made.
// So the highest lock is never deleted, not even when it is given up.
const NAME = /^lock\.(\d+)$/;
const GIVEN_UP = '{}';

/**
 * Makes this process the one live owner of the home, and returns what gives it up.
 * Throws INSTANCE_IN_USE with the pid and the address of the owner. A lock whose owner has died counts for nothing.
 */
export async function lockHome(home: string, address: string): Promise<() => Promise<void>> {
  const owner: Owner = { ...(identify(process.pid) ?? { pid: process.pid, started: 'unknown' }), address };
  const draft = join(home, `.lock.${process.pid}.${randomBytes(4).toString('hex')}`);
  // A link appears with its content, or not at all: nobody ever reads a half-written lock.
  await writeFile(draft, JSON.stringify(owner), { mode: 0o644, flag: 'wx' });
  try {
    for (;;) {
      const last = await highest(home);
      const holder = await ownerIn(home, last);
      if (holder !== undefined) throw inUse(home, holder);
      if (!(await linked(draft, lockFile(home, last + 1)))) continue;
      // Whoever looked long ago may have made one that is not the highest any more.
      if ((await highest(home)) > last + 1) await rm(lockFile(home, last + 1), { force: true });
      else return await taken(home, last + 1);
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/** Who owns the home now, or undefined. */
export async function ownerOf(home: string): Promise<Owner | undefined> {
  return ownerIn(home, await highest(home));
}

async function taken(home: string, generation: number): Promise<() => Promise<void>> {
  for (const name of await readdir(home)) {
    const old = Number(NAME.exec(name)?.[1] ?? Number.POSITIVE_INFINITY);
    if (old < generation) await rm(join(home, name), { force: true });
  }
  return async () => {
    const draft = join(home, `.unlock.${process.pid}.${randomBytes(4).toString('hex')}`);
    await writeFile(draft, GIVEN_UP, { mode: 0o644 });
    await rename(draft, lockFile(home, generation));
  };
}

async function highest(home: string): Promise<number> {
  const names = await readdir(home).catch(() => []);
  return Math.max(0, ...names.map((name) => Number(NAME.exec(name)?.[1] ?? 0)));
}

async function ownerIn(home: string, generation: number): Promise<Owner | undefined> {
  try {
    const { pid, started, address } = JSON.parse((await readIfThere(lockFile(home, generation))) ?? '') as Partial<Owner>;
    if (pid === undefined || started === undefined || !isAlive({ pid, started })) return undefined;
    return { pid, started, address: address ?? 'an unknown address' };
  } catch {
    return undefined;
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function lockFile(home: string, generation: number): string {
  return join(home, `lock.${generation}`);
}

function inUse(home: string, { pid, address }: Owner): EmbeddedError {
  const message = `${home} is in use by process ${pid} on ${address}: stop it, or set OPS_HOME and OPS_PORT to others`;
  return new EmbeddedError('INSTANCE_IN_USE', message, { pid, address, home });
}
