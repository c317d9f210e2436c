import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder, writeWhole } from './snapshot.js';

/** Writes a file that only its owner may read, in one step, and on disk when this resolves. */
export async function writeSurely(path: string, content: string): Promise<void> {
  const making = `${path}.making`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeWhole(making, content);
  await rename(making, path);
  await syncFolder(dirname(path));
}

/** Reads what was written as JSON. */
export async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}

/** The text of a file; empty where it cannot be read. */
export async function readIfThere(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
