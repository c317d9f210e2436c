// npm start: makes the checkout ready, then is `ops up`.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { root, signalChildren } from './run.mjs';
import { SetupError, setup } from './setup.mjs';

// The child is on a leash: however we die, kill -9 included, the kernel closes the pipe, and the watcher ends the child.
const LEASH = `( ( trap '' HUP INT TERM; word=; read -r word <&3; [ "$word" = gone ] || kill -s TERM $$ 2>/dev/null ) & ) </dev/null >/dev/null 2>&1
exec "$@" 3<&-`;
const SAME_SIGNAL = 1_000;

let child;
let last = 0;

// On Ctrl-C the terminal signals us and npm too, and npm passes its own on: that is one wish, not two.
// The child is in a session of its own, so that it hears of it once; a wish repeated later is passed on again, and forces.
function wish(signal) {
  const now = performance.now();
  if (last !== 0 && now - last < SAME_SIGNAL) return;
  last = now;
  if (child !== undefined) {
    child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
    return;
  }
  signalChildren(signal);
  process.exit(0);
}

function watchParent() {
  const parent = process.ppid;
  // npm runs us through a shell, which may die of a signal and keep it to itself.
  setInterval(() => {
    if (process.ppid !== parent) wish('SIGTERM');
  }, 500).unref();
}

function up() {
  const command = [process.execPath, join(root, 'packages', 'cli', 'dist', 'main.js'), 'up', ...process.argv.slice(2)];
  child = spawn('/bin/sh', ['-c', LEASH, 'leash', ...command], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    detached: true,
    cwd: root,
  });
  child.stdio[3].on('error', () => undefined);
  child.once('error', (error) => {
    console.error(`ops up could not be run: ${error.message}`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => {
    child.stdio[3].end('gone\n', () => process.exit(code ?? 128 + constants.signals[signal]));
  });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => wish(signal));
if (process.env.npm_lifecycle_event !== undefined) watchParent();
try {
  await setup();
  up();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
