import { chmod, cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

/** The root file system of an image, made from programs of this machine: no registry is asked. */
export interface ImageRoot {
  readonly folder: string;
  /** Copies a program to this path, with the libraries that it is linked to at the paths where the loader looks. */
  program(from: string, to: string): Promise<void>;
  /** Copies a file or a folder, following links. */
  copy(from: string, to: string): Promise<void>;
  /** Writes a file; `mode` makes a script of it. */
  write(to: string, text: string, mode?: number): Promise<void>;
  /** An empty folder that belongs to a user of the image: a new volume is given the owner of the folder that it covers. */
  own(folder: string, user: string): Promise<void>;
  /** Makes an image of it, and removes the folder. */
  import(name: string, changes: readonly string[]): Promise<void>;
}

/** An empty root below a folder of the test's, with the users that the image knows (uid by name). */
export async function imageRoot(scratch: string, users: Readonly<Record<string, number>> = {}): Promise<ImageRoot> {
  const folder = await mkdtemp(join(scratch, 'image-'));
  const everybody: Readonly<Record<string, number>> = { root: 0, ...users };
  const owned: [path: string, owner: number][] = [];
  const at = async (path: string) => {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    return target;
  };
  const root: ImageRoot = {
    folder,
    async program(from, to) {
      await cp(await realpath(from), await at(to));
      for (const library of await librariesOf(from)) await cp(await realpath(library), await at(library));
    },
    copy: async (from, to) => cp(from, await at(to), { recursive: true, dereference: true }),
    async write(to, text, mode = 0o644) {
      const target = await at(to);
      await writeFile(target, text);
      await chmod(target, mode);
    },
    async own(path, user) {
      await mkdir(await at(path), { recursive: true });
      owned.push([path, everybody[user] ?? 0]);
    },
    async import(name, changes) {
      // A folder of mkdtemp is private, and would be the `/` of every user of the image.
      await chmod(folder, 0o755);
      const file = `${folder}.tar`;
      const tar = (action: string, owner: number, ...paths: string[]) =>
        execa('tar', [action, '--file', file, `--owner=${owner}`, `--group=${owner}`, '--directory', folder, ...paths]);
      await tar('--create', 0, ...owned.map(([path]) => `--exclude=./${path}`), '.');
      for (const [path, owner] of owned) await tar('--append', owner, `./${path}`);
      await execa('docker', ['import', ...changes.flatMap((change) => ['--change', change]), file, name]);
      for (const path of [folder, file]) await rm(path, { recursive: true, force: true });
    },
  };
  // Everybody's, as anywhere: libraries of a checkout below /tmp would make it root's alone.
  await mkdir(join(folder, 'tmp'));
  await chmod(join(folder, 'tmp'), 0o1777);
  const lines = (line: (name: string, id: number) => string) =>
    Object.entries(everybody).map(([name, id]) => `${line(name, id)}\n`);
  await root.write('etc/passwd', lines((name, id) => `${name}:x:${id}:${id}::/:/bin/sh`).join(''));
  await root.write('etc/group', lines((name, id) => `${name}:x:${id}:`).join(''));
  return root;
}

/** What the loader would load for it, `ldd` says: `name => /path (0x…)`, and the loader itself, `/path (0x…)`. */
async function librariesOf(program: string): Promise<string[]> {
  if ((await readFile(program)).subarray(0, 4).toString('latin1') !== '\x7fELF') return [];
  const { stdout, failed } = await execa('ldd', [program], { reject: false });
  return failed ? [] : [...stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, path]) => path ?? '');
}
