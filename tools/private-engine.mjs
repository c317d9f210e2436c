// A Docker engine of our own, for tests, that leaves nothing behind.
import { spawn } from 'node:child_process';
import { openSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endProcesses, processesWith } from './processes.mjs';
import { lastLines, run } from './run.mjs';

const MARK = 'OPS_ENGINE';

// The engine has a network and a mount table of its own: its bridges, its firewall rules and its mounts touch nobody's,
// and are gone with it. A /run of its own keeps the sockets of its containerd apart.
// It is on a leash: however we die, kill -9 included, the kernel closes the pipe, and the watcher stops the engine.
const START = `mount -t tmpfs -o mode=755 none /run && ip link set lo up || exit 1
folder=$1; shift
( ( trap '' HUP INT TERM; word=; read -r word <&3
    [ "$word" = gone ] && exit
    kill -s TERM $$; n=0; while kill -0 $$ 2>/dev/null && [ $n -lt 300 ]; do sleep 0.1; n=$((n+1)); done
    rm -rf "$folder" ) & )
exec dockerd "$@" 3<&-`;

/**
 * Starts an engine in this folder and waits until it answers, 90 s at most.
 * @returns {Promise<{pid: number, folder: string, mark: string, host: string, letGo: () => void} | {why: string}>}
 */
export async function startPrivate(folder) {
  const mark = `${process.pid}-${Date.now()}`;
  const host = `unix://${folder}/docker.sock`;
  const log = join(folder, 'dockerd.log');
  const roots = [
    `--data-root=${join(folder, 'data')}`,
    `--exec-root=${join(folder, 'exec')}`,
    `--pidfile=${join(folder, 'docker.pid')}`,
  ];
  const args = ['--mount', '--net', '/bin/sh', '-c', START, 'dockerd', folder, ...roots, '--host', host];
  const output = openSync(log, 'a');
  const child = spawn('unshare', args, {
    stdio: ['ignore', output, output, 'pipe'],
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
  const leash = child.stdio[3];
  leash.on('error', () => undefined);
  leash.unref();
  child.unref();
  const own = { pid: child.pid, folder, mark, host, letGo: () => leash.end('gone\n') };
  const end = performance.now() + 90_000;
  while (!ended && performance.now() < end) {
    if ((await run('docker', ['--host', host, 'version'], { timeout: 5_000 })).ok) return own;
    await delay(100);
  }
  const why = `dockerd did not start: ${lastLines(readFileSync(log, 'utf8'), 3)}`;
  await stopPrivate(own);
  return { why };
}

/** Ends the engine with its containers, and deletes its folder. */
export async function stopPrivate({ pid, folder, mark, host, letGo }) {
  // The engine itself would ask each container politely, and wait for those that do not listen.
  const { output } = await run('docker', ['--host', host, 'ps', '--all', '--quiet'], { timeout: 10_000 });
  const containers = output.split('\n').filter((line) => /^[0-9a-f]{12}$/.test(line));
  if (containers.length > 0) await run('docker', ['--host', host, 'rm', '--force', ...containers], { timeout: 60_000 });
  const left = () => processesWith(MARK, mark);
  if (left().some((process) => process.pid === pid)) process.kill(pid, 'SIGTERM');
  const end = performance.now() + 30_000;
  while (left().some((process) => process.pid === pid) && performance.now() < end) await delay(50);
  letGo();
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
