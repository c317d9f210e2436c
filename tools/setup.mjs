import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { install, mayInstall } from './apt.mjs';
import { findOnPath, lastLines, root, run } from './run.mjs';

const STAMP = join(root, 'node_modules', '.ops-installed');

/** A step that cannot be done; the message is for the operator and says what to do. */
export class SetupError extends Error {}

/**
 * Makes a checkout ready to run: the right Node, dependencies, build, a Redis. What is ready already is left alone.
 * @param {{binaryRedis?: boolean}} options with `binaryRedis` a container will not do
 * @throws {SetupError}
 */
export async function setup({ binaryRedis = false } = {}) {
  checkNode();
  await step('dependencies', installDependencies);
  await step('build', build);
  await step('redis', () => ensureRedis(binaryRedis));
  await step('postgresql', async () => (process.env.DATABASE_URL ? 'given by DATABASE_URL' : 'comes with the dependencies'));
}

/** @throws {SetupError} when this Node is too old. */
export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupError(`Node ${version} is too old: this needs Node 20.19 or newer`);
}

/** Does one step and says in one line what it did and how long it took. */
export async function step(name, work) {
  const begin = performance.now();
  const did = await work();
  const took = `${((performance.now() - begin) / 1000).toFixed(1)} s`;
  console.log(`${name.padEnd(14)} ${did.padEnd(56)} ${took.padStart(7)}`);
}

async function installDependencies() {
  const wanted = fingerprint();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return 'unchanged';
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  // CI=true: pnpm asks questions otherwise, and without a terminal it gives up instead.
  const env = { ...process.env, CI: 'true' };
  const result = await run('npx', ['-y', packageManager, 'install', '--frozen-lockfile'], { env });
  if (!result.ok) throw new SetupError(`the dependencies could not be installed:\n${lastLines(result.output)}`);
  writeFileSync(STAMP, wanted);
  return 'installed';
}

// Another Node, another platform or another lockfile needs other files in node_modules.
function fingerprint() {
  const hash = createHash('sha256');
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json']) hash.update(readFileSync(join(root, file)));
  return `${process.platform}-${process.arch} ${process.versions.modules} ${hash.digest('hex')}\n`;
}

async function build() {
  const result = await run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b']);
  if (!result.ok) throw new SetupError(`the build failed:\n${lastLines(result.output, 40)}`);
  return 'up to date';
}

async function ensureRedis(binaryOnly) {
  if (process.env.REDIS_URL && !binaryOnly) return 'given by REDIS_URL';
  const found = () => findOnPath('redis-server', 'valkey-server');
  if (found()) return found();
  if (!binaryOnly && (await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 5_000 })).ok)
    return 'in a container';
  if (mayInstall()) {
    const { ok, output } = await install(['redis-server']);
    if (ok && found()) return `${found()}, installed`;
    throw new SetupError(`redis-server could not be installed:\n${output}`);
  }
  const command = process.platform === 'darwin' ? 'brew install redis' : 'sudo apt-get install -y redis-server';
  throw new SetupError(`there is no redis-server: run \`${command}\`, or set REDIS_URL`);
}
