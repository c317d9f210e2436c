import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { freeListBytes, readMachineUnits } from '../../packages/shared/dist/host/index.js';
import { until } from './clock.mjs';
import { endOf } from './ending.mjs';

export const HOG = fileURLToPath(new URL('hog.mjs', import.meta.url));
const WATCH = fileURLToPath(new URL('meminfo-watch.mjs', import.meta.url));
const buffer = Buffer.allocUnsafe(4096);

const LISTS = '/proc/sys/vm/percpu_pagelist_high_fraction';
const SMALL = '100000';
// What the kernel keeps in them at least is some MiB for each CPU.
const SMALL_MIB = Math.max(16, 4 * cpus().length);

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
 * A process of its own that reads /proc/meminfo about a thousand times a second and says when what is available falls to a line. The peers
 * count what is used as total less available; ours leaves out the free lists too, which `countedAlike` holds small: the line is the same for all.
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

/**
 * A part of the benchmark during which all count the same memory as available. Since Linux 6.7 the kernel keeps up to an eighth of it in free
 * lists of the CPUs, which MemAvailable, and with it each peer, leaves out, and ours does not: here the lists are held small.
 */
export function countedAlike(part) {
  return async (bench) => {
    const kept = heldSmall();
    if (kept === undefined) {
      return `${await part(bench)}

The kernel's free lists could not be held small (\`vm.percpu_pagelist_high_fraction\`): where they grow (Linux 6.7 and later) the others, which count by
MemAvailable, say it earlier than it is, and ours is measured from their moment.`;
    }
    const back = () => writeFileSync(LISTS, kept);
    const ended = () => process.exit(1);
    process.once('exit', back).once('SIGINT', ended).once('SIGTERM', ended);
    try {
      await until(() => mebibytesInLists() < SMALL_MIB, 180_000, 'the free lists of the CPUs are small');
      return `${await part(bench)}

Meanwhile the kernel's free lists are held small (\`vm.percpu_pagelist_high_fraction = ${SMALL}\`): else MemAvailable, which the others
count by, leaves out up to an eighth of the memory although it is free (Linux 6.7 and later), and what is measured from is not the same for all.`;
    } finally {
      back();
      process.off('exit', back).off('SIGINT', ended).off('SIGTERM', ended);
    }
  };
}

/** What it was; undefined where it cannot be set, or there is no such setting. */
function heldSmall() {
  try {
    const kept = readFileSync(LISTS, 'utf8');
    writeFileSync(LISTS, SMALL);
    return kept;
  } catch {
    return undefined;
  }
}

function mebibytesInLists() {
  const zoneinfo = readFileSync('/proc/zoneinfo', 'utf8');
  return freeListBytes(zoneinfo, readMachineUnits('/proc').pageBytes, readMemory().total * 1024) / 2 ** 20;
}
