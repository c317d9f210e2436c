import { expect, test } from 'vitest';
import { linkChecked, linkEnded, newLink } from '../../src/decide/link-ends.js';

const ok = { outcome: 'ok' } as const;
const reset = { outcome: 'failed' } as const;

test('an end is asked after at once; a server that ends each connection after its answer is left to the schedule', () => {
  let link = newLink;
  const asked: boolean[] = [];
  for (let now = 0; now < 50_000; now += 5_000) {
    link = linkChecked(link, ok, now).state;
    const ended = linkEnded(link, now + 10);
    link = ended.state;
    asked.push(ended.ask);
  }
  expect(asked).toEqual([true, true, true, ...Array(7).fill(false)]);
  // One that was kept for long again.
  expect(linkEnded(link, 60_000).ask).toBe(true);
});

test('a connection that is reset right after an end is tried three times more; one that is refused is an answer', () => {
  let link = linkEnded(newLink, 0).state;
  const again = Array.from({ length: 5 }, (_, now) => {
    const checked = linkChecked(link, reset, now);
    link = checked.state;
    return checked.again;
  });
  expect(again).toEqual([true, true, true, false, false]);
  expect(linkChecked(linkEnded(newLink, 0).state, { ...reset, gone: true }, 1).again).toBe(false);
  expect(linkChecked(newLink, reset, 1).again).toBe(false);
});
