// A Docker engine for tests: the one that runs, else a private one that leaves nothing behind.
// `node tools/docker-engine.mjs run -- <command>` runs a command with it.
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install, mayInstall } from './apt.mjs';
import { ensureCompose } from './compose-plugin.mjs';
import { startPrivate, stopPrivate } from './private-engine.mjs';
import { findOnPath, lastLines, run } from './run.mjs';

/**
 * @typedef {object} Engine
 * @property {true} available
 * @property {Record<string, string>} env DOCKER_HOST, and DOCKER_CONFIG where Compose needs it
 * @property {string[]} prefix what a command must be run by to reach published ports: empty, or nsenter into the engine's network
 * @property {string} what
 * @property {{pid: number, folder: string, mark: string, host: string, letGo: () => void}=} own
 */

/**
 * @param {{folder?: string}} options where a private engine keeps its data
 * @returns {Promise<Engine | {available: false, why: string, command: string}>}
 */
export async function startEngine({ folder } = {}) {
  const none = (why) => ({ available: false, why, command: 'install Docker with Compose v2 and start it' });
  const running = await runningEngine();
  if (running === undefined && process.platform !== 'linux') return none('no Docker engine answers');
  if (running === undefined && process.getuid() !== 0) return none('no Docker engine answers, and only root can start one');
  if (running === undefined && !(findOnPath('dockerd') && findOnPath('iptables') && findOnPath('ip') && findOnPath('docker'))) {
    if (!mayInstall()) return none('no Docker engine answers, and none is installed');
    const { ok, output } = await install(['docker.io', 'iptables', 'iproute2']);
    if (!ok) return none(`docker.io could not be installed: ${lastLines(output, 3)}`);
  }
  // The static busybox of the distribution is what test containers run: no image is downloaded.
  if (!existsSync('/bin/busybox') && mayInstall()) {
    const { ok, output } = await install(['busybox-static']);
    if (!ok) return none(`busybox-static could not be installed: ${lastLines(output, 3)}`);
  }
  const compose = await ensureCompose();
  if (!compose.ok) return none(compose.why);
  const config = compose.config === undefined ? {} : { DOCKER_CONFIG: compose.config };
  if (running !== undefined)
    return { available: true, what: 'the one that runs', env: { DOCKER_HOST: running, ...config }, prefix: [] };
  const own = await startPrivate(folder ?? mkdtempSync(join(tmpdir(), 'ops-docker-')));
  if (own.why !== undefined) return none(own.why);
  const prefix = ['nsenter', `--net=/proc/${own.pid}/ns/net`, '--'];
  return { available: true, what: 'a private one', env: { DOCKER_HOST: own.host, ...config }, prefix, own };
}

/** Ends a private engine with its containers; leaves one that ran before alone. */
export async function stopEngine(engine) {
  if (engine.available && engine.own !== undefined) await stopPrivate(engine.own);
}

async function runningEngine() {
  if (!(await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 })).ok) return undefined;
  if (process.env.DOCKER_HOST) return process.env.DOCKER_HOST;
  const { ok, output } = await run('docker', ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}']);
  return ok ? output.trim() : 'unix:///var/run/docker.sock';
}

async function main([verb, dashes, ...command]) {
  if (verb !== 'run' || dashes !== '--' || command.length === 0) {
    console.error('usage: node tools/docker-engine.mjs run -- <command> [argument...]');
    return 2;
  }
  const engine = await startEngine();
  if (!engine.available) {
    console.error(`no Docker engine: ${engine.why}; ${engine.command}`);
    return 1;
  }
  // The command hears the terminal's signals itself; we stay to clear up behind it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
  try {
    const [program, ...args] = [...engine.prefix, ...command];
    return (await run(program, args, { cwd: process.cwd(), env: { ...process.env, ...engine.env }, stdio: 'inherit' })).code;
  } finally {
    await stopEngine(engine);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv.slice(2));
