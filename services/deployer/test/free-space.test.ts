import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { availableMemory } from '../src/act/free-space.js';

const MIB = 2 ** 20;
let proc: string;
beforeEach(async () => {
  proc = await mkdtemp(join(tmpdir(), 'ops-proc-'));
  await writeFile(join(proc, 'meminfo'), `MemTotal:  ${8192 * 1024} kB\nMemFree:  1024 kB\nMemAvailable:  ${2048 * 1024} kB\n`);
});
afterEach(() => rm(proc, { recursive: true, force: true }));

test('memory that was just given back and lies in the free lists of the CPUs can be had', async () => {
  const list = `    cpu: 0\n              count:    ${512 * 256}\n`;
  await writeFile(join(proc, 'zoneinfo'), `Node 0, zone   Normal\n        managed  ${8000 * 256}\n  pagesets\n${list}${list}`);
  expect(await availableMemory(proc)).toBe(3072 * MIB);
});

test('a system that does not tell of such lists, or of its memory', async () => {
  expect(await availableMemory(proc)).toBe(2048 * MIB);
  expect(Math.abs((await availableMemory(join(proc, 'absent'))) - freemem())).toBeLessThan(1024 * MIB);
});
