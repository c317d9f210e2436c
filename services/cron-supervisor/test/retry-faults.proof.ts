import { expect, test } from 'vitest';
import { RETRY_AFTER_MS, retriesUnderFaults, type Victim } from './retry-faults.js';

const ROUNDS = Number(process.env.OPS_PROOF_ROUNDS ?? 1);

test.each<['legacy' | 'modern', readonly Victim[]]>([
  ['modern', ['supervisor', 'gateway', 'redis']],
  ['legacy', ['supervisor', 'redis']],
])(
  '%s: exactly one retry of each of many failed runs, under many kills (%s)',
  { timeout: 3_600_000 },
  async (generation, victims) => {
    const late: number[] = [];
    const after: number[] = [];
    let [jobs, faults] = [0, 0];
    for (let round = 0; round < ROUNDS; round += 1) {
      const outcome = await retriesUnderFaults(generation, victims, { jobs: 24, faults: 9, random: Math.random });
      expect(outcome.starts).toEqual(outcome.starts.map(() => 2));
      late.push(...outcome.waits.map((wait) => wait - RETRY_AFTER_MS));
      after.push(...outcome.late);
      jobs += outcome.jobs;
      faults += outcome.faults;
    }
    process.stdout.write(
      `${generation}: ${jobs} failures, ${faults} kills, one retry each; later than the pause by ${spread(late)};\n` +
        `later than that or than everything was back: ${spread(after)}\n`,
    );
  },
);

const FIVE_MINUTES = 300_000;

test('five minutes, as it is without a word in ops.yaml, and kills in between: the retry begins when it is due', {
  timeout: 600_000,
}, async () => {
  const victims: readonly Victim[] = ['redis', 'supervisor', 'gateway'];
  const options = { jobs: 24, faults: 9, random: Math.random, retryAfter: FIVE_MINUTES };
  const { starts, waits } = await retriesUnderFaults('modern', victims, options);
  expect(starts).toEqual(starts.map(() => 2));
  process.stdout.write(`after five minutes: later than that by ${spread(waits.map((wait) => wait - FIVE_MINUTES))}\n`);
});

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN);
  return `${at(0)} ms at least, ${at(0.5)} ms median, ${at(0.95)} ms p95, ${at(1)} ms at most`;
}
