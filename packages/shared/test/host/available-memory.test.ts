import { describe, expect, test } from 'vitest';
import { availableBytes, freeListBytes } from '../../src/host/available-memory.js';

const PAGE = 4096;
const zone = (managed: number, ...counts: (number | string)[]) => `Node 0, zone   Normal
  pages free     5364931
        high     24889
        spanned  5373952
        managed  ${managed}
        protection: (0, 0, 0, 0, 0)
      nr_free_pages 5364931
  pagesets
${counts.map((count, cpu) => `    cpu: ${cpu}\n              count:    ${count}\n              high:     281916\n              batch:    63\n`).join('')}  node_unreclaimable:  0
`;

describe('free pages in the lists of the CPUs', () => {
  test('of every CPU and zone count, and nothing else', () => {
    const text = `${zone(800_000, 181_916, 4)}${zone(200_000, 0, 80)}`;
    expect(freeListBytes(text, PAGE, 1_000_000 * PAGE)).toBe(182_000 * PAGE);
    expect(freeListBytes(zone(1_000, 'nonsense', 5), PAGE, 1_000 * PAGE)).toBe(5 * PAGE);
    expect(freeListBytes('', PAGE, 1_000 * PAGE)).toBe(0);
  });

  test('of a larger machine than the total says are not ours (lxcfs), nor is what a wrong page size makes of them', () => {
    const text = zone(1_000_000, 90_000, 90_000);
    expect(freeListBytes(text, PAGE, 250_000 * PAGE)).toBe(0);
    expect(freeListBytes(text, 16 * PAGE, 1_000_000 * PAGE)).toBe(0);
    // The zones do not add up to the total to the page.
    expect(freeListBytes(text, PAGE, 960_000 * PAGE)).toBe(180_000 * PAGE);
  });
});

describe('what a new program can have', () => {
  const total = 1_000;
  test.each([
    [80, 0, 80],
    [80, 60, 140],
    [50, 120, 170],
    // An eighth in the lists of other CPUs hides no emergency (80 of these thousand) to the end, and nothing jumps.
    [35, 120, 95],
    [30, 120, 70],
    [20, 120, 20],
    [0, 120, 0],
    [950, 125, 1_000],
  ])('%i available and %i in the lists are %i', (memAvailable, inLists, expected) => {
    expect(availableBytes(memAvailable, inLists, total)).toBeCloseTo(expected, 6);
  });
});
