import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FreeLists } from '../../src/host/free-lists.js';
import { CapturedTree, zoneinfoOf } from './captured-tree.js';

const TOTAL = 2 ** 32;
const PAGE = 4096;
let tree: CapturedTree;
let lists: FreeLists;
beforeEach(() => {
  tree = new CapturedTree();
  tree.write({ 'proc/zoneinfo': zoneinfoOf(1_000) });
  lists = new FreeLists(tree.procRoot);
});
afterEach(() => {
  lists.close();
  tree.remove();
});

test('counted anew where it matters, else every two seconds', () => {
  expect(lists.read(10_000, TOTAL, false)).toBe(4_000 * PAGE);
  tree.write({ 'proc/zoneinfo': zoneinfoOf(2_000) });
  expect(lists.read(11_999, TOTAL, false)).toBe(4_000 * PAGE);
  expect(lists.read(12_000, TOTAL, false)).toBe(8_000 * PAGE);
  tree.write({ 'proc/zoneinfo': zoneinfoOf(3_000) });
  expect(lists.read(12_001, TOTAL, true)).toBe(12_000 * PAGE);
});

test('what cannot be read any more counts as it was for two seconds, and then not at all', () => {
  expect(lists.read(10_000, TOTAL, true)).toBe(4_000 * PAGE);
  rmSync(join(tree.procRoot, 'zoneinfo'));
  lists.close();
  expect(lists.read(11_999, TOTAL, true)).toBe(4_000 * PAGE);
  expect(lists.read(12_000, TOTAL, true)).toBe(0);
  tree.write({ 'proc/zoneinfo': zoneinfoOf(2_000) });
  expect(lists.read(12_050, TOTAL, true)).toBe(8_000 * PAGE);
});

test('a machine without the file has none', () => {
  expect(new FreeLists(join(tree.root, 'absent')).read(10_000, TOTAL, true)).toBe(0);
});
