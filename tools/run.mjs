import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const children = new Set();

/**
 * Runs a program to its end and collects what it says. Never throws: a program that is not there has code 127.
 * @returns {Promise<{ok: boolean, code: number, output: string}>}
 */
export function run(command, args, { env = process.env, cwd = root, stdio = ['ignore', 'pipe', 'pipe'], timeout } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, cwd, stdio, timeout });
    const parts = [];
    children.add(child);
    child.stdout?.on('data', (part) => parts.push(part));
    child.stderr?.on('data', (part) => parts.push(part));
    const end = (code, text = '') => {
      children.delete(child);
      resolve({ ok: code === 0, code, output: Buffer.concat(parts).toString() + text });
    };
    child.once('error', (error) => end(127, error.message));
    child.once('close', (code, signal) => end(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

/** Passes a signal on to what `run` runs now. True when there was something. */
export function signalChildren(signal) {
  for (const child of children) child.kill(signal);
  return children.size > 0;
}

/** The full path of the first of these programs on the PATH, or undefined. */
export function findOnPath(...names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // Not in this folder.
      }
    }
  }
  return undefined;
}

/** The last lines of a program's output, for an error message. */
export function lastLines(output, count = 15) {
  return output.trimEnd().split('\n').slice(-count).join('\n');
}
