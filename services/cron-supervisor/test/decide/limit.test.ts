import { expect, test } from 'vitest';
import { isWatched } from '../../src/decide/limit.js';

const NOW = Date.UTC(2027, 0, 5, 12);
const ago = (seconds: number) => NOW - seconds * 1000;

test.each([
  ['it began while we were there', ago(5), ago(6), true],
  ['we are back for long enough', ago(500), ago(10), true],
  ['we are hardly back: it may have ended', ago(500), ago(9), false],
  ['its source cannot tell us', ago(500), undefined, false],
])('a run is held to its limit only where its end would be known: %s', (_what, startedAt, heardSince, watched) => {
  expect(isWatched(startedAt, heardSince, NOW)).toBe(watched);
});
