import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideLevel, initialLevelState } from '../../src/decide/level.js';
import { defaultLevelPolicy } from '../../src/decide/level-policy.js';
import { type LevelDecision, recordDecision, replayDecision } from '../../src/decide/level-replay.js';
import { readings, start } from './level-steps.js';

const reading = fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: null });
const step = fc.record({
  afterMs: fc.integer({ min: 20, max: 4_000 }),
  cpu: reading,
  ram: reading,
  disk: reading,
  ofQuota: fc.boolean(),
  reported: fc.option(fc.constantFrom('normal' as const, 'warn' as const, 'critical' as const, 'emergency' as const)),
});

/** Every decision of a run, as it would lie in the file. */
function decisionsOf(steps: readonly { afterMs: number; [reading: string]: unknown }[]): LevelDecision[] {
  let state = initialLevelState(start);
  let now = start;
  const found: LevelDecision[] = [];
  for (const { afterMs, reported, ofQuota, ...values } of steps) {
    now += afterMs;
    const level = reported as LevelDecision['to'] | null;
    const report =
      level === null || level === 'unknown' || level === undefined
        ? null
        : { level, at: now, expiresAt: now + 5_000, source: 'resource_guard' };
    const input = { sample: { ...readings(values), cpuOfQuota: ofQuota === true }, report };
    const next = decideLevel(state, input, defaultLevelPolicy, now);
    if (next.change) found.push(JSON.parse(JSON.stringify(recordDecision(next.change, state, input, defaultLevelPolicy))));
    state = next.state;
  }
  return found;
}

describe('a recorded decision', () => {
  test('comes out the same when it is made again, after JSON, whatever led to it', () => {
    let replayed = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        for (const decision of decisionsOf(steps)) {
          expect(replayDecision(decision)).toEqual({ same: true, level: decision.to, reason: decision.reason });
          replayed += 1;
        }
      }),
      { numRuns: 300 },
    );
    expect(replayed).toBeGreaterThan(500);
  });

  test('names its rule with the numbers that it looked at', () => {
    const steps = [{}, {}, {}, {}].map(() => ({ afterMs: 250, cpu: 97, ram: 20, disk: 30, reported: null }));
    expect(decisionsOf([{ afterMs: 250, cpu: 10, ram: 20, disk: 30, reported: null }, ...steps]).at(-1)?.rule).toEqual({
      name: 'entered',
      reading: 97,
      threshold: 95,
      margin: null,
      forMs: 500,
      readings: 3,
    });
  });

  test('one that was altered does not', () => {
    const steps = [{}, {}, {}, {}].map(() => ({ afterMs: 250, cpu: 97, ram: 20, disk: 30, reported: null }));
    const decision = decisionsOf([{ afterMs: 250, cpu: 10, ram: 20, disk: 30, reported: null }, ...steps]).at(-1);
    if (!decision) throw new Error('no decision');
    const calm = { ...decision, input: { sample: readings(), report: null } };
    expect(replayDecision(calm)).toEqual({ same: false, level: 'normal', reason: 'nothing changes: normal stays' });
  });
});
