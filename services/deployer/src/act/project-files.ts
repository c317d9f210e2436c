import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { parse } from 'yaml';
import type { ComposeModel } from '../compose-model.js';

const DEFAULT_FILES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];
const OVERRIDES = [
  'compose.override.yaml',
  'compose.override.yml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];
// A mounted folder that is larger holds data, not configuration.
const MOST_IN_FOLDER = 200;
const LARGEST_FOLDER = 8 * 1024 * 1024;

/** Which files Compose reads in a folder when it is not told: its own order. Empty where there is none. */
export async function composeFilesIn(folder: string): Promise<readonly string[]> {
  const named = /^\s*COMPOSE_FILE\s*=\s*["']?([^"'\n]+)/m.exec(await textOf(join(folder, '.env')))?.[1];
  if (named !== undefined)
    return named
      .trim()
      .split(':')
      .map((file) => resolve(folder, file));
  const first = await firstOf(folder, DEFAULT_FILES);
  if (first === undefined) return [];
  const override = await firstOf(folder, OVERRIDES);
  return override === undefined ? [first] : [first, override];
}

/** A path with its links followed; undefined where there is nothing. */
export async function truePath(path: string): Promise<string | undefined> {
  return realpath(path).catch(() => undefined);
}

/** Whether a path is inside a folder, links followed. */
export async function isInside(folder: string, path: string): Promise<boolean> {
  const [base, target] = [await truePath(folder), await truePath(path)];
  if (base === undefined || target === undefined) return false;
  const inside = relative(base, target);
  return inside !== '' && !inside.startsWith('..') && !isAbsolute(inside);
}

/** The files that make a project what it is, and which service reads or mounts which. */
export interface ProjectFiles {
  readonly paths: readonly string[];
  readonly ofService: Readonly<Record<string, readonly string[]>>;
}

/** Files that Compose reads by itself where they are there: only these may be taken away when a release comes back that had none. */
export function readByItself(folder: string): ReadonlySet<string> {
  return new Set(['.env', ...DEFAULT_FILES, ...OVERRIDES].map((name) => join(folder, name)));
}

/**
 * Compose files with what they include, .env, env files, configs and secrets, mounted files, and mounted folders of configuration
 * inside the project (small, read only). Data is none of it.
 */
export async function projectFiles(
  folder: string,
  composeFiles: readonly string[],
  model: ComposeModel,
  extra: readonly string[],
): Promise<ProjectFiles> {
  const all = new Set<string>([...composeFiles, ...extra]);
  for (const file of composeFiles) for (const path of await referencedBy(file)) all.add(path);
  all.add(join(folder, '.env'));
  const ofService: Record<string, string[]> = {};
  for (const [name, service] of Object.entries(model.services)) {
    const own: string[] = [];
    for (const { type, source, read_only } of service.volumes ?? [])
      if (type === 'bind' && source !== undefined) own.push(...(await mountedFiles(folder, source, read_only === true)));
    for (const { source } of service.configs ?? []) own.push(...fileOf(model.configs?.[source]?.file));
    for (const { source } of service.secrets ?? []) own.push(...fileOf(model.secrets?.[source]?.file));
    ofService[name] = [...new Set(own)].sort();
    for (const path of own) all.add(path);
  }
  const there = await Promise.all([...all].sort().map(async (path) => ((await isFile(path)) ? [path] : [])));
  return { paths: there.flat(), ofService };
}

/** Path → SHA-256 of its content, in hex. */
export async function hashFiles(paths: readonly string[]): Promise<Record<string, string>> {
  const hashes = await Promise.all(
    paths.map(
      async (path) =>
        [
          path,
          createHash('sha256')
            .update(await readFile(path))
            .digest('hex'),
        ] as const,
    ),
  );
  return Object.fromEntries(hashes);
}

function fileOf(path: string | undefined): string[] {
  return path === undefined ? [] : [path];
}

async function mountedFiles(folder: string, source: string, readOnly: boolean): Promise<string[]> {
  const found = await stat(source).catch(() => undefined);
  if (found === undefined) return [];
  // What is written by the container is data, and what lies outside of the project is somebody else's: neither is a release's.
  const inside = relative(folder, source);
  if (!readOnly || inside === '' || inside.startsWith('..') || isAbsolute(inside)) return [];
  if (found.isFile()) return [source];
  if (!found.isDirectory()) return [];
  const files: string[] = [];
  let bytes = 0;
  for (const entry of await readdir(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    bytes += (await stat(path)).size;
    files.push(path);
    if (files.length > MOST_IN_FOLDER || bytes > LARGEST_FOLDER) return [];
  }
  return files;
}

// What a rendered project no longer shows: it has been read into it.
/** Files that set variables for a project: .env, and the env files that its Compose files name. */
export async function envFilesOf(folder: string, composeFiles: readonly string[]): Promise<readonly string[]> {
  const named = await Promise.all(composeFiles.map(referencedBy));
  return [join(folder, '.env'), ...named.flat()];
}

async function referencedBy(file: string): Promise<string[]> {
  let read: unknown;
  try {
    read = parse(await readFile(file, 'utf8'), { merge: true });
  } catch {
    return [];
  }
  const base = dirname(file);
  const { services = {}, include = [] } = (read ?? {}) as { services?: Record<string, Mentions>; include?: unknown };
  const found = pathsIn(include);
  for (const service of Object.values(services ?? {}))
    found.push(...pathsIn(service?.env_file), ...pathsIn(service?.extends?.file));
  return found.map((path) => resolve(base, path));
}

interface Mentions {
  readonly env_file?: unknown;
  readonly extends?: { readonly file?: unknown };
}

// A path, a list of paths, or a list of `{ path: … }`.
function pathsIn(value: unknown): string[] {
  if (typeof value === 'string') return value.includes('$') ? [] : [value];
  if (Array.isArray(value)) return value.flatMap(pathsIn);
  return value !== null && typeof value === 'object' && 'path' in value ? pathsIn(value.path) : [];
}

async function firstOf(folder: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const path = join(folder, name);
    if (
      await access(path, constants.F_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

async function isFile(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return (
    found?.isFile() === true || (found?.isSymbolicLink() === true && (await stat(path).catch(() => undefined))?.isFile() === true)
  );
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
