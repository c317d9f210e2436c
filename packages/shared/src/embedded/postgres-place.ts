import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Binaries, findPostgres } from './postgres-binaries.js';
import { may, postgresUser, type SystemUser } from './postgres-user.js';

/** Where a PostgreSQL runs from, where its data is, and as whom it runs. */
export interface PostgresPlace {
  bin: string;
  version: string;
  /** The data folder; its parent belongs to the user too. */
  data: string;
  user: SystemUser | undefined;
}

const SYSTEM_FOLDER = '/var/lib/ops-automation';
const NOTE = 'postgresql-data-is-elsewhere.txt';

/**
 * Finds a place for the PostgreSQL of a home (an absolute path). Everything stays in the checkout and in the home where the
 * user that PostgreSQL runs as can reach them; below a folder such as /root it cannot, and then what it needs is
 * placed under /var/lib/ops-automation, with a note in the home.
 */
export async function placePostgres(home: string): Promise<PostgresPlace> {
  const binaries = await findPostgres();
  const user = await postgresUser();
  if (user === undefined) {
    const data = join(home, 'postgres', 'data');
    await mkdir(dirname(data), { recursive: true, mode: 0o700 });
    return { bin: join(binaries.native, 'bin'), version: binaries.version, data, user };
  }
  const bin = await reachableBinaries(binaries, user);
  const data = join(await dataFolder(home, user), 'data');
  return { bin, version: binaries.version, data, user };
}

async function reachableBinaries({ native, version }: Binaries, user: SystemUser): Promise<string> {
  const bin = join(native, 'bin');
  if ((await may(user, '-x', join(bin, 'postgres'))) && (await may(user, '-r', join(native, 'share', 'postgresql')))) return bin;
  const copy = join(SYSTEM_FOLDER, `postgres-${version}`);
  if (!existsSync(copy)) {
    const half = `${copy}.${process.pid}.new`;
    await mkdir(SYSTEM_FOLDER, { recursive: true, mode: 0o755 });
    await cp(native, half, { recursive: true, verbatimSymlinks: true });
    await chmod(half, 0o755);
    // Another instance may have copied meanwhile: its copy is as good.
    await rename(half, copy).catch(() => rm(half, { recursive: true, force: true }));
  }
  return join(copy, 'bin');
}

async function dataFolder(home: string, user: SystemUser): Promise<string> {
  const inHome = join(home, 'postgres');
  await ownFolder(inHome, user);
  if (await may(user, '-w', inHome)) return inHome;

  const hash = createHash('sha256').update(home).digest('hex').slice(0, 16);
  const folder = join(SYSTEM_FOLDER, 'instances', hash);
  const elsewhere = join(folder, 'postgres');
  const note = join(home, NOTE);
  if (!existsSync(note) && existsSync(elsewhere)) {
    // The home was deleted and made again: it is a new instance, with a new password. What it had before is kept.
    await rename(elsewhere, `${elsewhere}.before-${Date.now()}`);
  }
  await mkdir(folder, { recursive: true, mode: 0o755 });
  await ownFolder(elsewhere, user);
  await writeFile(join(folder, 'home'), `${home}\n`);
  await writeFile(note, `PostgreSQL runs as the user ${user.name}, who cannot enter this folder.\nIts data is in ${elsewhere}\n`);
  return elsewhere;
}

async function ownFolder(path: string, user: SystemUser): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chown(path, user.uid, user.gid);
}
