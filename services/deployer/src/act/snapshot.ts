import { createHash } from 'node:crypto';
import { chmod, chown, lstat, mkdir, open, readFile, readlink, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { type ComposeModel, composeModel } from '../compose-model.js';

const manifest = z.object({
  files: z.array(
    z.object({
      path: z.string(),
      stored: z.string(),
      hash: z.string(),
      mode: z.number(),
      uid: z.number(),
      gid: z.number(),
    }),
  ),
});
type Manifest = z.infer<typeof manifest>;

/** What a release consists of, besides its images. */
export interface SnapshotContent {
  readonly files: readonly string[];
  readonly model: ComposeModel;
  /** `docker inspect` of the containers, for people. */
  readonly inspected: unknown;
}

/**
 * Copies files, rendered model and inspections into a folder that only its owner may read: there are secrets in it. It is made
 * beside its place and moved there when it is whole and on disk; one that is there is left as it is. Returns path → hash of what it holds.
 */
export async function takeSnapshot(
  folder: string,
  { files, model, inspected }: SnapshotContent,
): Promise<Readonly<Record<string, string>>> {
  if (await exists(join(folder, 'manifest.json'))) return hashesOf(await readManifest(folder));
  const making = `${folder}.making`;
  await rm(making, { recursive: true, force: true });
  await mkdir(join(making, 'files'), { recursive: true, mode: 0o700 });
  const list: Manifest['files'] = [];
  for (const [index, path] of files.entries()) {
    const content = await readFile(path);
    const { mode, uid, gid } = await stat(path);
    const stored = join('files', String(index));
    await writeWhole(join(making, stored), content);
    list.push({ path, stored, hash: hashOf(content), mode: mode & 0o7777, uid, gid });
  }
  await writeWhole(join(making, 'model.json'), JSON.stringify(model));
  await writeWhole(join(making, 'inspect.json'), JSON.stringify(inspected));
  await writeWhole(join(making, 'manifest.json'), JSON.stringify({ files: list }));
  await rm(folder, { recursive: true, force: true });
  await rename(making, folder);
  await syncFolder(dirname(folder));
  return hashesOf({ files: list });
}

/** The rendered model of a snapshot. */
export async function snapshotModel(folder: string): Promise<ComposeModel> {
  return composeModel.parse(JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')));
}

/**
 * Puts the files of a snapshot back: content, mode and owner. Files that `replaced` (a snapshot too) has and this one has not are
 * taken away where they are among `removable`; they stay in `replaced`. Returns the paths that were changed.
 */
export async function restoreFiles(
  folder: string,
  replaced: string | undefined,
  removable: ReadonlySet<string>,
): Promise<readonly string[]> {
  const wanted = await readManifest(folder);
  const changed: string[] = [];
  for (const { path, stored, hash, mode, uid, gid } of wanted.files) {
    const content = await readFile(join(folder, stored));
    if (hashOf(content) !== hash) throw new Error(`the snapshot of ${path} is not what was written`);
    const now = await readFile(path).catch(() => undefined);
    const is = now === undefined ? undefined : await stat(path);
    if (
      now !== undefined &&
      hashOf(now) === hash &&
      is !== undefined &&
      (is.mode & 0o7777) === mode &&
      is.uid === uid &&
      is.gid === gid
    )
      continue;
    await putBack(path, content, { mode, uid, gid });
    changed.push(path);
  }
  const kept = new Set(wanted.files.map(({ path }) => path));
  const others = replaced === undefined ? [] : (await readManifest(replaced)).files;
  for (const { path } of others) {
    if (kept.has(path) || !removable.has(path)) continue;
    await rm(path, { force: true });
    changed.push(path);
  }
  return changed;
}

/** Where a snapshot has its copy of each file, by the file's path. */
export async function storedFiles(folder: string): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries((await readManifest(folder)).files.map(({ path, stored }) => [path, join(folder, stored)]));
}

/** Removes a snapshot. */
export async function removeSnapshot(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

function hashesOf({ files }: Manifest): Record<string, string> {
  return Object.fromEntries(files.map(({ path, hash }) => [path, hash]));
}

async function readManifest(folder: string): Promise<Manifest> {
  return manifest.parse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
}

// In one step: nobody reads half a file. A link stays a link to the same place.
async function putBack(
  path: string,
  content: Buffer,
  { mode, uid, gid }: { mode: number; uid: number; gid: number },
): Promise<void> {
  const target = (await lstat(path).catch(() => undefined))?.isSymbolicLink()
    ? resolve(dirname(path), await readlink(path))
    : path;
  const making = `${target}.ops-restoring`;
  await mkdir(dirname(target), { recursive: true });
  await writeWhole(making, content);
  await chmod(making, mode);
  await chown(making, uid, gid).catch(() => undefined);
  await rename(making, target);
}

/** Writes a file that only its owner may read, and waits until it is on disk. */
export async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes sure that the names in a folder are on disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}

function hashOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
