import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { serverEnvironment } from './env.js';
import { identify, isGone, type ProcessIdentity } from './process-identity.js';

/** What to run, and how to end it. */
export interface LeashOptions {
  command: string;
  args: readonly string[];
  /** Asks the server to stop in good order; also what it gets when we die. */
  stopSignal: 'TERM' | 'INT';
  /** Its output is appended here. */
  log: string;
  user?: { uid: number; gid: number } | undefined;
  /** Folder to delete once the server has ended, however it ended. For tests. */
  removeAfter?: string | undefined;
}

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A server that cannot outlive us. */
export interface Leashed {
  server: ProcessIdentity;
  /** The watcher that ends the server when we die. */
  watcher: ProcessIdentity | undefined;
  ended: Promise<Ending>;
  ending(): Ending | undefined;
}

// The watcher holds the other end of a pipe of ours. However we die, kill -9 included, the kernel closes the pipe, and
// the watcher stops the server. The shell then becomes the server itself (exec), so that its pid and its exit are the server's.
// The watcher is a grandchild: PostgreSQL would take the end of an unknown child of its own for a crash.
// Nothing is signalled once it is a zombie: in a container without an init, nobody may ever collect it.
const LEASH = `
signal=$1 remove=$2; shift 2
lives() {
  kill -0 $$ 2>/dev/null || return 1
  [ -r /proc/$$/stat ] && read -r stat < /proc/$$/stat || return 0
  case "\${stat##*) }" in [ZX]*) return 1;; esac
}
( ( trap '' HUP INT TERM
    word=; read -r word <&3
    if [ "$word" != gone ]; then
      kill -s "$signal" $$ 2>/dev/null
      n=0; while lives && [ $n -lt 300 ]; do sleep 0.1; n=$((n+1)); done
      lives && kill -s KILL $$ 2>/dev/null
    fi
    [ -z "$remove" ] || rm -rf "$remove"
  ) & echo $! >&3 )
exec "$@" 3<&-`;

// The same for a server that somebody else started: $1 signal, $2 pid.
const ADOPT = `trap '' HUP INT TERM; word=; read -r word <&3; [ "$word" = gone ] || kill -s "$1" "$2" 2>/dev/null`;

const LOG_LIMIT = 5 * 1024 * 1024;

/**
 * Starts a server on a leash, in a session of its own so that Ctrl-C reaches us first and we stop the servers in order.
 * It does not keep our event loop alive. Throws what spawn throws (ENOENT, EACCES, …).
 */
export async function startOnLeash(options: LeashOptions): Promise<Leashed> {
  const log = openLog(options.log);
  let child: ChildProcess;
  try {
    const { stopSignal, removeAfter, command, args, user } = options;
    child = spawn('/bin/sh', ['-c', LEASH, 'leash', stopSignal, removeAfter ?? '', command, ...args], {
      stdio: ['ignore', log, log, 'pipe'],
      detached: true,
      cwd: '/',
      env: serverEnvironment(),
      ...(user ?? {}),
    });
  } finally {
    closeSync(log);
  }
  const pipe = child.stdio[3] as Duplex;
  pipe.on('error', () => undefined);
  let how: Ending | undefined;
  const ended = new Promise<Ending>((resolve) => {
    child.once('exit', (code, signal) => {
      how = { code, signal };
      // Without the word, the watcher would signal a pid that may be somebody else's by then.
      pipe.end('gone\n');
      resolve(how);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const watcher = await watcherPid(pipe, ended);
  const pid = child.pid as number;
  child.unref();
  (pipe as Duplex & { unref(): void }).unref();
  return {
    server: identify(pid) ?? { pid, started: 'ended' },
    watcher: watcher === undefined ? undefined : identify(watcher),
    ended,
    ending: () => how,
  };
}

/** Puts a server whose former parent is gone on a leash of ours. */
export function adopt(
  server: ProcessIdentity,
  stopSignal: LeashOptions['stopSignal'],
): { watcher: ProcessIdentity | undefined; letGo(): void } {
  const child = spawn('/bin/sh', ['-c', ADOPT, 'leash', stopSignal, String(server.pid)], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    detached: true,
    cwd: '/',
    env: serverEnvironment(),
  });
  child.on('error', () => undefined);
  const pipe = child.stdio[3] as Duplex & { unref(): void };
  pipe.on('error', () => undefined);
  pipe.unref();
  child.unref();
  return { watcher: child.pid === undefined ? undefined : identify(child.pid), letGo: () => pipe.end('gone\n') };
}

/** Sends each signal in turn until the process is gone; the last must be SIGKILL. `wait` is in ms. */
export async function stopProcess(
  who: ProcessIdentity,
  steps: readonly { signal: NodeJS.Signals; wait: number }[],
): Promise<void> {
  for (const { signal, wait } of steps) {
    if (await isGone(who, 0)) return;
    try {
      process.kill(who.pid, signal);
    } catch {
      return; // It ended between the two lines.
    }
    if (await isGone(who, wait)) return;
  }
}

function watcherPid(pipe: Duplex, ended: Promise<Ending>): Promise<number | undefined> {
  return new Promise((resolve) => {
    let text = '';
    pipe.on('data', (part: Buffer) => {
      text += part.toString();
      if (text.includes('\n')) resolve(Number.parseInt(text, 10));
    });
    void ended.then(() => resolve(undefined));
  });
}

function openLog(path: string): number {
  try {
    if (statSync(path).size > LOG_LIMIT) {
      rmSync(`${path}.1`, { force: true });
      renameSync(path, `${path}.1`);
    }
  } catch {
    // No log yet.
  }
  return openSync(path, 'a', 0o600);
}
