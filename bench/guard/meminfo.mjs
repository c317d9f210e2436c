import { spawn } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { endOf } from './ending.mjs';

export const HOG = fileURLToPath(new URL('hog.mjs', import.meta.url));
const WATCH = fileURLToPath(new URL('meminfo-watch.mjs', import.meta.url));
const buffer = Buffer.allocUnsafe(4096);

/** Total and available memory in kB. */
export function readMemory(descriptor) {
  const own = descriptor ?? openSync('/proc/meminfo', 'r');
  const text = buffer.latin1Slice(0, readSync(own, buffer, 0, buffer.length, 0));
  if (descriptor === undefined) closeSync(own);
  return { total: kilobytes(text, 'MemTotal:'), available: kilobytes(text, 'MemAvailable:') };
}

function kilobytes(text, name) {
  return Number.parseInt(text.slice(text.indexOf(name) + name.length), 10);
}

/**
 * A process of its own that reads /proc/meminfo about a thousand times a second and says when what is available falls to a line. All that
 * are measured here count what is used as total less available, so the line is the same for all.
 */
export async function watchMemory(lineKb) {
  const child = spawn(process.execPath, [WATCH, String(lineKb)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const crossings = [];
  await new Promise((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (lines) => {
      for (const line of lines.trim().split('\n')) {
        if (line === 'ready') resolve();
        else crossings.push(Number(line));
      }
    });
  });
  return { since: (time) => crossings.find((at) => at >= time), stop: () => endOf(child) };
}
