import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Creates the folder of an instance. Others may pass through it (PostgreSQL may run as another user), not list it. */
export async function ensureHome(home: string): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o711 });
}

/** Reads <home>/secrets/<name>, and makes it first when there is none: 32 random bytes in hex, file 0600, folder 0700. */
export async function ensureSecret(home: string, name: string): Promise<string> {
  const folder = join(home, 'secrets');
  const path = join(folder, name);
  const known = await readIfThere(path);
  if (known !== undefined) return known.trim();
  await ensureHome(home);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const made = join(folder, `.${name}.${process.pid}.${randomBytes(4).toString('hex')}`);
  await writeFile(made, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    // A link, not a rename: where two processes make the secret at once, the first one's stays.
    await link(made, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(made, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}

/** Reads the token of an instance (`OPS_TOKEN` of the CLI), and makes it first when there is none. */
export function ensureToken(home: string): Promise<string> {
  return ensureSecret(home, 'token');
}

/** Writes a file that only its owner reads, at once or not at all. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const made = `${path}.${process.pid}.new`;
  await rm(made, { force: true });
  await writeFile(made, text, { mode: 0o600, flag: 'wx' });
  await rename(made, path);
}

/** The text of a file, or undefined when there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
