import { expect, test } from 'vitest';
import { RETRY_AFTER_MS, retriesUnderFaults, type Victim } from './retry-faults.js';

test.each<['legacy' | 'modern', readonly Victim[]]>([
  ['modern', ['supervisor', 'gateway', 'redis']],
  // A killed gateway of that generation forgets what it began: who then asks again cannot know better.
  ['legacy', ['supervisor', 'redis']],
])(
  '%s: exactly one retry of each failed run, whoever is killed in between (%s)',
  { timeout: 120_000 },
  async (generation, victims) => {
    let seed = 11;
    const random = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const { starts, waits } = await retriesUnderFaults(generation, victims, { jobs: 6, faults: 3, random });
    expect(starts).toEqual(starts.map(() => 2));
    for (const wait of waits) expect(wait).toBeGreaterThanOrEqual(RETRY_AFTER_MS - 50);
  },
);
