// A Docker engine for tests: the one that runs, else a private one that leaves nothing behind.
// `node tools/docker-engine.mjs run -- <command>` runs a command with it.
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { install, mayInstall } from './apt.mjs';
import { ensureCompose } from './compose-plugin.mjs';
import { endProcesses, processesWith } from './processes.mjs';
import { findOnPath, lastLines, run } from './run.mjs';

const MARK = 'OPS_ENGINE';

// The engine has a network and a mount table of its own: its bridges, its firewall rules and its mounts touch nobody's,
// and are gone with it. A /run of its own keeps the sockets of its containerd apart.
const START = 'mount -t tmpfs -o mode=755 none /run && ip link set lo up && exec dockerd "$@"';

/**
 * @typedef {object} Engine
 * @property {true} available
 * @property {Record<string, string>} env DOCKER_HOST, and DOCKER_CONFIG where Compose needs it
 * @property {string[]} prefix what a command must be run by to reach published ports: empty, or nsenter into the engine's network
 * @property {string} what
 * @property {{pid: number, folder: string, mark: string, host: string}=} own
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
    const { ok, output } = await install(['docker.io', 'iptables', 'iproute2'], ['docker', 'containerd']);
    if (!ok) return none(`docker.io could not be installed: ${lastLines(output, 3)}`);
  }
  const compose = await ensureCompose();
  if (!compose.ok) return none(compose.why);
  const config = compose.config === undefined ? {} : { DOCKER_CONFIG: compose.config };
  if (running !== undefined)
    return { available: true, what: 'the one that runs', env: { DOCKER_HOST: running, ...config }, prefix: [] };
  const own = await startOwn(folder ?? mkdtempSync(join(tmpdir(), 'ops-docker-')));
  if (own.why !== undefined) return none(own.why);
  const prefix = ['nsenter', `--net=/proc/${own.pid}/ns/net`, '--'];
  return { available: true, what: 'a private one', env: { DOCKER_HOST: own.host, ...config }, prefix, own };
}

/** Ends a private engine with its containers, and deletes its folder; leaves one that ran before alone. */
export async function stopEngine(engine) {
  if (!engine.available || engine.own === undefined) return;
  const { pid, folder, mark, host } = engine.own;
  // The engine itself would ask each container politely, and wait for those that do not listen.
  const { output } = await run('docker', ['--host', host, 'ps', '--all', '--quiet'], { timeout: 10_000 });
  const containers = output.split('\n').filter((line) => /^[0-9a-f]{12}$/.test(line));
  if (containers.length > 0) await run('docker', ['--host', host, 'rm', '--force', ...containers], { timeout: 60_000 });
  const left = () => processesWith(MARK, mark);
  if (left().some((process) => process.pid === pid)) process.kill(pid, 'SIGTERM');
  const end = performance.now() + 30_000;
  while (left().some((process) => process.pid === pid) && performance.now() < end) await delay(50);
  await endProcesses(left);
  removeControlGroups();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}

// Docker leaves its group behind, empty. One that is in use has groups below it, and stays: the kernel removes only empty ones.
function removeControlGroups() {
  const base = '/sys/fs/cgroup';
  for (const controller of ['', ...readdirSync(base)]) {
    try {
      rmdirSync(join(base, controller, 'docker'));
    } catch {
      // None there, or not empty.
    }
  }
}

async function runningEngine() {
  if (!(await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 })).ok) return undefined;
  if (process.env.DOCKER_HOST) return process.env.DOCKER_HOST;
  const { ok, output } = await run('docker', ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}']);
  return ok ? output.trim() : 'unix:///var/run/docker.sock';
}

async function startOwn(folder) {
  const mark = `${process.pid}-${Date.now()}`;
  const host = `unix://${folder}/docker.sock`;
  const log = join(folder, 'dockerd.log');
  const roots = [
    '--data-root',
    join(folder, 'data'),
    '--exec-root',
    join(folder, 'exec'),
    '--pidfile',
    join(folder, 'docker.pid'),
  ];
  const args = ['--mount', '--net', '/bin/sh', '-c', START, 'dockerd', ...roots, '--host', host];
  const output = openSync(log, 'a');
  const child = spawn('unshare', args, {
    stdio: ['ignore', output, output],
    detached: true,
    env: { ...process.env, [MARK]: mark },
  });
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  child.once('error', () => {
    ended = true;
  });
  child.unref();
  const own = { pid: child.pid, folder, mark, host };
  const end = performance.now() + 90_000;
  while (!ended && performance.now() < end) {
    if ((await run('docker', ['--host', host, 'version'], { timeout: 5_000 })).ok) return own;
    await delay(100);
  }
  const why = `dockerd did not start: ${lastLines(readFileSync(log, 'utf8'), 3)}`;
  await stopEngine({ available: true, own });
  return { why };
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
