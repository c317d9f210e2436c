import { expect, test } from 'vitest';
import { Lateness } from '../../src/probes/lateness.js';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Holds the event loop up for so many ms, as often, with a turn in between. */
async function stall(ms: number, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const until = performance.now() + ms;
    while (performance.now() < until);
    await nextTurn();
    await nextTurn();
  }
}

test.each([10, 2000])('a loop that is held up again and again is late by most of it, for a limit of %d ms', async (withinMs) => {
  const lateness = new Lateness(withinMs);
  await stall(150, 4);
  const late = lateness.end();
  // Of each of them a tick of 50 ms at most goes unseen.
  expect(late).toBeGreaterThan(4 * (150 - 50) - 20);
});

test('a loop that is free is not late', async () => {
  const lateness = new Lateness(2000);
  await nextTurn();
  expect(lateness.end()).toBe(0);
});
