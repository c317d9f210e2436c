import { randomBytes } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** Whether there is an engine to test with; `npm test` starts one. */
export const withoutEngine = process.env.OPS_TEST_DOCKER !== '1';
export const dockerHost = process.env.DOCKER_HOST;

/** Rows of a table of tests: all of them for `npm run proof:*`, else the first so many. */
export function rows<T>(short: number, all: readonly T[]): readonly T[] {
  return process.env.OPS_PROOF_ROUNDS === undefined ? all.slice(0, short) : all;
}

const APPLETS = [
  'sh',
  'httpd',
  'sleep',
  'wget',
  'cat',
  'echo',
  'mkdir',
  'kill',
  'nc',
  'touch',
  'rm',
  'test',
  'date',
  'printf',
  'ls',
];

/** Runs the docker command line. */
export async function docker(...args: string[]): Promise<string> {
  return (await execa('docker', args)).stdout;
}

// What the image runs: it answers on 8080 with its version, or as the image was told to behave.
const SERVE = `mkdir -p /www && echo "$VERSION" > /www/index.html && echo ok > /www/health && exec httpd -f -p 8080 -h /www`;

/** What a container of such an image does, as a shell script. */
export const BEHAVIOUR = {
  good: SERVE,
  /** Listens, and ends at once when it is asked to. */
  polite: `trap 'exit 0' TERM; mkdir -p /www; echo ok > /www/health; httpd -p 8080 -h /www; while :; do sleep 0.1; done`,
  slowToEnd: `trap 'sleep 1; exit 0' TERM; mkdir -p /www; echo ok > /www/health; httpd -p 8080 -h /www; while :; do sleep 0.1; done`,
  crashAtStart: 'echo "cannot find my database" >&2; exit 3',
  crashAfter: (seconds: number) =>
    `mkdir -p /www; echo ok > /www/health; httpd -p 8080 -h /www; sleep ${seconds}; echo "out of luck" >&2; exit 4`,
  /** Runs, and answers nothing. */
  deaf: `trap 'exit 0' TERM; while :; do sleep 0.1; done`,
  /** Answers 404 to its health check. */
  sick: `trap 'exit 0' TERM; mkdir -p /www; echo no > /www/index.html; httpd -p 8080 -h /www; while :; do sleep 0.1; done`,
  /** Healthy for so long, then answers 404. */
  sickAfter: (seconds: number) =>
    `trap 'exit 0' TERM; mkdir -p /www; echo ok > /www/health; httpd -p 8080 -h /www; sleep ${seconds}; rm /www/health; while :; do sleep 0.1; done`,
  doesItsWork: 'echo migrated; exit 0',
  failsAtItsWork: 'echo "the migration is wrong" >&2; exit 9',
} as const;

/** Images of a test, made from this machine's busybox: no registry is asked. */
export class TestImages {
  readonly prefix = `ops-test-${randomBytes(4).toString('hex')}`;
  readonly #made = new Set<string>();

  /** Makes an image that behaves so, and gives its name. The same tag again is another image of that name. */
  async make(tag: string, behaviour: string, changes: readonly string[] = []): Promise<string> {
    const name = `${this.prefix}:${tag}`;
    const folder = await mkdtemp(join(tmpdir(), 'ops-image-'));
    await mkdir(join(folder, 'bin'));
    await mkdir(join(folder, 'tmp'));
    await copyFile('/bin/busybox', join(folder, 'bin', 'busybox'));
    for (const applet of APPLETS) await symlink('busybox', join(folder, 'bin', applet));
    await writeFile(join(folder, 'run'), `#!/bin/sh\n${behaviour}\n`);
    await writeFile(join(folder, 'unique'), randomBytes(8));
    for (const path of ['run', 'bin/busybox', '.']) await chmod(join(folder, path), 0o755);
    const tar = execa('tar', ['--create', '--directory', folder, '.'], { encoding: 'buffer' });
    const told = ['CMD ["/run"]', 'ENV PATH=/bin', ...changes].flatMap((change) => ['--change', change]);
    await execa('docker', ['import', ...told, '-', name], { input: (await tar).stdout });
    await rm(folder, { recursive: true });
    this.#made.add(name);
    return name;
  }

  async id(name: string): Promise<string> {
    return docker('image', 'inspect', '--format', '{{.Id}}', name);
  }

  async remove(): Promise<void> {
    await execa('docker', ['image', 'rm', '--force', ...this.#made], { reject: false });
  }
}
