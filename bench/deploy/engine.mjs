// The Docker engine of the benchmark: its command line, what happens on it, and images made from this machine's busybox.
import { execFile, spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs the docker command line; gives what it writes. */
export async function docker(...args) {
  return (await execute('docker', args, { maxBuffer: 16 * 1024 * 1024 })).stdout.trim();
}

/** Lines of a listing, empty ones left out. */
export async function listed(...args) {
  return (await docker(...args)).split('\n').filter(Boolean);
}

/** What happens to containers and services, with the engine's own times. */
export class EngineEvents {
  #seen = [];
  #waiting = new Set();
  #child;

  constructor() {
    const since = String(Date.now() / 1000 - 1);
    const only = ['container', 'service'].flatMap((type) => ['--filter', `type=${type}`]);
    this.#child = spawn('docker', ['events', '--since', since, '--format', '{{json .}}', ...only], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#add(JSON.parse(line)));
  }

  #add({ Type, Action, Actor, timeNano }) {
    this.#seen.push({ type: Type, action: Action, id: Actor.ID, of: Actor.Attributes, at: timeNano / 1e6 });
    for (const look of this.#waiting) look();
  }

  /** The first that fits since `after` (epoch ms), seen or to come; undefined where none comes within `within` ms. */
  async first(fits, { after, within = 1000 }) {
    const find = () => this.#seen.find((one) => one.at >= after && fits(one));
    const until = Date.now() + within;
    for (let found = find(); ; found = find()) {
      const left = until - Date.now();
      if (found !== undefined || left <= 0) return found;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        const look = () => {
          clearTimeout(timer);
          this.#waiting.delete(look);
          resolve();
        };
        this.#waiting.add(look);
      });
    }
  }

  /** The same, and an error that names it where it does not come. */
  async must(what, fits, options) {
    const found = await this.first(fits, options);
    if (found === undefined) throw new Error(`not seen on the engine: ${what}`);
    return found;
  }

  close() {
    this.#child.kill();
  }
}

const APPLETS = ['sh', 'httpd', 'sleep', 'wget', 'echo', 'mkdir', 'touch', 'rm'];

/** Makes an image that runs this shell script. `changes` are lines of a Dockerfile. */
export async function makeImage(name, script, changes = []) {
  const folder = await mkdtemp(join(tmpdir(), 'ops-bench-image-'));
  try {
    for (const one of ['bin', 'tmp']) await mkdir(join(folder, one));
    await copyFile('/bin/busybox', join(folder, 'bin', 'busybox'));
    for (const applet of APPLETS) await symlink('busybox', join(folder, 'bin', applet));
    // The name too: two images that run the same script are still two.
    await writeFile(join(folder, 'run'), `#!/bin/sh\n# ${name}\n${script}\n`);
    for (const path of ['run', 'bin/busybox', '.']) await chmod(join(folder, path), 0o755);
    const tar = `${folder}.tar`;
    await execute('tar', ['--create', '--file', tar, '--directory', folder, '.']);
    const told = ['CMD ["/run"]', 'ENV PATH=/bin', ...changes].flatMap((change) => ['--change', change]);
    const id = await docker('import', ...told, tar, name);
    await rm(tar);
    return { name, id };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Whether an event is of a container of this image. */
export const isOf = (image) => (event) => event.of.image === image.name || event.of.image === image.id;

const wait = 'while :; do sleep 1 & wait $!; done';
const serve = "trap 'exit 0' TERM; mkdir -p /www; echo ok > /www/health; httpd -p 8080 -h /www";

/** What a container does, as a shell script. Each that lives long ends at once when it is asked to. */
export const SCRIPTS = {
  good: `${serve}; ${wait}`,
  crashAtStart: 'echo "cannot find my database" >&2; exit 3',
  crashLater: `${serve}; sleep $AFTER & wait $!; exit 4`,
  // The moment is written first: what is measured from it is never too short.
  sickLater: `${serve}; sleep $AFTER & wait $!; touch /told/at; rm /www/health; ${wait}`,
  sick: `${serve}; rm /www/health; ${wait}`,
};

/** A health check of an image, for `docker import`. */
export function healthcheck(interval, retries) {
  return `HEALTHCHECK --interval=${interval} --timeout=1s --retries=${retries} CMD wget -q -O /dev/null http://127.0.0.1:8080/health`;
}

/** Takes away what the benchmark has left on the engine. Everything of it has `prefix` in its name. */
export async function clearEngine(prefix) {
  const containers = await listed('ps', '--all', '--quiet', '--filter', `name=${prefix}`);
  if (containers.length > 0) await docker('rm', '--force', '--volumes', ...containers);
  for (const network of await listed('network', 'ls', '--quiet', '--filter', `name=${prefix}`))
    await docker('network', 'rm', network);
  const all = await listed('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}');
  const images = all.filter((name) => name.startsWith(`${prefix}-`) || name.startsWith(`ops-keep/${prefix}-`));
  if (images.length > 0) await docker('image', 'rm', '--force', ...images);
}
