import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@ops/shared/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DecisionLog } from '../../src/state/decision-log.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ops-decisions-'));
  file = join(folder, 'guard', 'decisions.ndjson');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = () => new DecisionLog<{ n: number }>(file, createLogger('silent'));

test('the last ones, newest first, over a restart; a line that was cut off is left out', async () => {
  const first = open();
  for (let n = 1; n <= 30; n += 1) first.add({ n });
  expect(await first.last(3)).toEqual([{ n: 30 }, { n: 29 }, { n: 28 }]);
  appendFileSync(file, '{"n":3');
  expect(await open().last(2)).toEqual([{ n: 30 }]);
});

test('a disk that cannot be written to costs nothing but the file', async () => {
  writeFileSync(join(folder, 'guard'), 'a file where a folder should be');
  const first = open();
  first.add({ n: 1 });
  first.add({ n: 2 });
  expect(await first.last(5)).toEqual([{ n: 2 }, { n: 1 }]);
});

test('large ones are kept in memory up to a million characters, where there is no file', async () => {
  writeFileSync(join(folder, 'guard'), 'a file where a folder should be');
  const log = new DecisionLog<{ n: number; all: string }>(file, createLogger('silent'));
  for (let n = 1; n <= 5; n += 1) log.add({ n, all: 'x'.repeat(300_000) });
  expect((await log.last(5)).map(({ n }) => n)).toEqual([5, 4, 3]);
});

test('the file does not grow for ever: the one before it is kept', async () => {
  const first = open();
  first.add({ n: 1 });
  await first.settled();
  appendFileSync(file, `${'x'.repeat(4_000_001)}\n`);
  first.add({ n: 2 });
  await first.settled();
  expect(readdirSync(join(folder, 'guard')).sort()).toEqual(['decisions.ndjson', 'decisions.ndjson.1']);
  expect(await first.last(1)).toEqual([{ n: 2 }]);
});
