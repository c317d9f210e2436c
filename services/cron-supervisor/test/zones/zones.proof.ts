import { expect, test } from 'vitest';
import { judgedOnce } from './judged-once.js';

const DAY = 86_400_000;

test('every IANA zone, 20 years, killed at random: every slot is judged exactly once', { timeout: 3 * 3_600_000 }, async () => {
  const zones = [...Intl.supportedValuesOf('timeZone'), 'UTC'];
  const from = Date.UTC(2027, 0, 1);
  const to = Date.UTC(2047, 0, 1);
  // Clocks are changed on Sundays nearly everywhere, between midnight and three.
  const outcome = await judgedOnce(zones, '30 2 * * 0', {
    from,
    to,
    step: 7 * DAY,
    killWithinMs: 30_000,
    mostKills: 1000,
    random: Math.random,
  });
  process.stdout.write(
    `${zones.length} zones, ${outcome.slots} slots, ${outcome.kills} kills, ${outcome.wrong.length} judged wrongly\n`,
  );
  expect(outcome.wrong).toEqual([]);
});
