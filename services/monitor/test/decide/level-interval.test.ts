import { parseConfig } from '@ops/shared/config';
import { describe, expect, test } from 'vitest';
import { defaultIntervalPolicy, mattersFrom, nextInterval, untilEntered } from '../../src/decide/level-interval.js';
import { defaultLevelPolicy, levelPolicy } from '../../src/decide/level-policy.js';
import { samplingOf } from '../../src/decide/policies.js';
import { SlidingWindow } from '../../src/host/sliding-window.js';
import { LevelRun, readings, start } from './level-steps.js';

test.each([
  [0, 0, 500],
  [54.9, 59.9, 500],
  [55, 20, 250],
  [20, 60, 250],
  [100, 20, 250],
  [20, 86.9, 250],
  [20, 87, 50],
  [100, 100, 50],
  [null, 20, 250],
  [20, null, 250],
  [null, 91, 50],
])('with CPU at %s %% and RAM at %s %% the next sample is %d ms away', (cpuPercent, ramPercent, expected) => {
  expect(nextInterval({ cpuPercent, ramPercent }, levelPolicy(), defaultIntervalPolicy)).toBe(expected);
});

test('RAM matters where samples become more frequent, and where it is not calm', () => {
  expect(mattersFrom(levelPolicy().ram)).toBe(60);
  expect(mattersFrom(levelPolicy(undefined, { ramMargin: 20 }).ram)).toBe(55);
});

test('the sampler is told from where RAM and disks matter', () => {
  const { guard } = parseConfig('inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }');
  expect(samplingOf(guard)).toEqual({ mounts: ['/'], ramMattersFromPercent: 60, diskMattersFromPercent: 70 });
});

test('without any sample it looks again soon', () => {
  expect(nextInterval(null, levelPolicy())).toBe(250);
});

describe('a level on its way', () => {
  test('nothing over a threshold: nothing to wait for', () => {
    expect(untilEntered(LevelRun.calm().state, defaultLevelPolicy, 0)).toBeNull();
  });

  test('looks often, and just when the time has come', () => {
    const run = LevelRun.calm();
    const waits: (number | null)[] = [];
    for (const afterMs of [500, 100, 100, 90, 20]) {
      run.step(readings({ cpu: 99 }), { afterMs });
      waits.push(untilEntered(run.state, run.policy, run.now));
    }
    // 290 ms: enough readings, and 10 ms too early.
    expect(waits).toEqual([100, 100, 100, 20, null]);
    expect(run.state.level).toBe('emergency');
  });

  test('what is left is shared among the readings that are still needed', () => {
    const run = new LevelRun(levelPolicy(undefined, { cpuEnterMs: 120 }));
    run.step(readings());
    run.step(readings({ cpu: 99 }));
    expect(untilEntered(run.state, run.policy, run.now)).toBe(60);
  });

  test.each([0, 10, 40])(
    'from any moment of a step of CPU from %d %% to 100 %: the level within 1.1 s, wherever the samples fall',
    (base) => {
      for (let phase = 0; phase < 500; phase += 5) {
        const step = start + 2_000 + phase;
        const usedAt = (now: number) => (Math.min(now, step) * base) / 100 + Math.max(0, now - step);
        const window = new SlidingWindow<number>(200);
        const run = new LevelRun();
        for (let sample = readings(); run.state.level !== 'emergency'; ) {
          const pending = untilEntered(run.state, run.policy, run.now) ?? Number.POSITIVE_INFINITY;
          const afterMs = Math.min(nextInterval(sample, run.policy), pending);
          const now = run.now + afterMs;
          const before = window.add(now, usedAt(now));
          const cpu = before === undefined ? null : ((usedAt(now) - before.value) * 100) / (now - before.at);
          sample = readings({ cpu });
          run.step(sample, { afterMs });
        }
        expect(run.now - step).toBeLessThanOrEqual(1_100);
      }
    },
  );
});
