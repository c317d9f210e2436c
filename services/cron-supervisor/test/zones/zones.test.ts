import { expect, test } from 'vitest';
import { judgedOnce } from './judged-once.js';

const DAY = 86_400_000;
// Both hemispheres, half hours, and no change of clocks at all.
const ZONES = ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu'];

test('every slot is judged exactly once while the judge is killed at random (a year, four zones)', async () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const from = Date.UTC(2027, 0, 1);
  const outcome = await judgedOnce(ZONES, '30 2 * * *', {
    from,
    to: from + 365 * DAY,
    step: 3 * DAY,
    killWithinMs: 2500,
    mostKills: 3,
    random,
  });
  expect(outcome.wrong).toEqual([]);
  expect(outcome.slots).toBeGreaterThan(1400);
  expect(outcome.kills).toBeGreaterThan(0);
});
