// The first process of a private pid namespace: starts a guard and hogs as it is told on its input, and says on its output when a hog has
// ended. With it, everything in the namespace ends. See private-den.mjs.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { now } from './clock.mjs';

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const hogs = new Set();
let guard;
const orders = {
  guard({ program, args, env }) {
    guard = spawn(program, args, { env, stdio: 'ignore' });
    guard.once('exit', (code, signal) => say({ guardEnded: `${signal ?? `code ${code}`}` }));
  },
  hog({ args }) {
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    hogs.add(child);
    child.once('exit', () => {
      say({ dead: now() });
      hogs.delete(child);
    });
  },
  end() {
    for (const child of hogs) child.kill('SIGKILL');
  },
};
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { order, ...given } = JSON.parse(line);
    orders[order](given);
  })
  .on('close', () => process.exit());
