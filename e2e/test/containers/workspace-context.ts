import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, readlink, realpath, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * The build context of the Dockerfile's `prebuilt` stage: what its `build` stage ends with, taken from this checkout as it is
 * built and installed, because no package registry can be reached from the engine of the tests.
 */
export async function workspaceContext(checkout: string, target: string): Promise<void> {
  const copied = new Set<string>();
  for (const kind of ['packages', 'services'])
    for (const name of await readdir(join(checkout, kind))) await copyPackage(checkout, target, join(kind, name), copied);
  for (const path of ['docker', 'package.json'])
    await cp(join(checkout, path), join(target, path), { recursive: true, preserveTimestamps: true });
}

async function copyPackage(checkout: string, target: string, path: string, copied: Set<string>): Promise<void> {
  const manifest = await manifestOf(join(checkout, path));
  for (const part of ['package.json', 'dist'])
    await cp(join(checkout, path, part), join(target, path, part), { recursive: true });
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    const link = join(path, 'node_modules', name);
    await mkdir(dirname(join(target, link)), { recursive: true });
    await symlink(await readlink(join(checkout, link)), join(target, link));
    await copyDependency(checkout, target, await realpath(join(checkout, link)), copied);
  }
}

// pnpm keeps each version in a folder of its own, with links to what it needs beside it.
async function copyDependency(checkout: string, target: string, real: string, copied: Set<string>): Promise<void> {
  const store = /^node_modules\/\.pnpm\/[^/]+\/node_modules/.exec(relative(checkout, real))?.[0];
  if (store === undefined || copied.has(store)) return;
  copied.add(store);
  await cp(join(checkout, store), join(target, store), { recursive: true, verbatimSymlinks: true });
  const manifest = await manifestOf(real);
  const siblings = await packagesIn(join(checkout, store));
  for (const name of siblings) {
    if (manifest.optionalDependencies?.[name] !== undefined) continue;
    const sibling = join(checkout, store, name);
    if (existsSync(sibling)) await copyDependency(checkout, target, await realpath(sibling), copied);
  }
}

async function packagesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
  const scoped = await Promise.all(
    names.map(async (name) =>
      name.startsWith('@') ? (await readdir(join(folder, name))).map((each) => join(name, each)) : [name],
    ),
  );
  return scoped.flat();
}

async function manifestOf(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}
