import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { initialLevelState } from '../../src/decide/level.js';
import { restoreLevelState, restoresAlike } from '../../src/decide/level-restore.js';
import type { LevelState } from '../../src/decide/level-types.js';
import { LevelRun, readings, start } from './level-steps.js';

describe('blind', () => {
  test('begins unknown, and is normal only when both CPU and RAM were read', () => {
    const run = new LevelRun();
    expect(run.step(readings({ cpu: null }))).toBe('unknown');
    expect(run.step(readings())).toBe('normal');
    expect(run.changes).toHaveLength(1);
    expect(run.changes[0]).toMatchObject({ from: 'unknown', to: 'normal', cause: 'sight' });
  });

  test('does not pass through normal on the way to the first level', () => {
    const run = new LevelRun();
    run.hold(readings({ cpu: 99 }), 2_000);
    expect(run.changes.map((change) => change.to)).toEqual(['emergency']);
  });

  test('unknown after three intervals without a sample, not before, and goes on from where it was', () => {
    const run = LevelRun.calm();
    run.hold(readings({ cpu: 90 }), 1_000);
    expect(run.hold(null, 3_000)).toBe('critical');
    expect(run.step(null)).toBe('unknown');
    expect(run.changes.at(-1)).toMatchObject({
      cause: 'blind',
      reason: 'No clear CPU and RAM reading for 3 intervals (3000 ms) and no valid report.',
    });
    expect(run.hold(null, 600_000)).toBe('unknown');
    // Calm again, but the calm time must be seen in full.
    expect(run.step(readings())).toBe('critical');
    expect(run.changes.at(-1)).toMatchObject({ from: 'unknown', to: 'critical', cause: 'cpu' });
    expect(run.hold(readings(), 9_750)).toBe('critical');
    expect(run.hold(readings(), 500)).toBe('normal');
  });

  test('calm that nobody saw is no calm', () => {
    const run = LevelRun.calm();
    run.step(readings({ ram: 95 }));
    run.hold(readings(), 5_000);
    run.hold(null, 3_500);
    expect(run.hold(readings(), 9_750)).toBe('emergency');
  });

  test('half blind: bad stays bad, good is not believed', () => {
    const run = LevelRun.calm();
    expect(run.hold(readings({ cpu: null }), 4_000)).toBe('unknown');
    expect(run.changes.at(-1)?.reason).toContain('No clear CPU reading');
    expect(run.step(readings({ cpu: null, ram: 95 }))).toBe('emergency');
    expect(run.hold(readings({ cpu: null, ram: 95 }), 10_000)).toBe('emergency');
  });

  test('a disk that does not answer keeps its level and makes nobody blind', () => {
    const run = LevelRun.calm();
    expect(run.hold(readings({ disk: null }), 60_000)).toBe('normal');
  });

  test('a reading that is not a number is no reading', () => {
    const run = LevelRun.calm();
    run.step(readings({ ram: 95 }));
    expect(run.hold(readings({ ram: Number.NaN }), 60_000)).toBe('emergency');
  });
});

describe('reports', () => {
  test('the worse of the two counts, in both directions', () => {
    const run = LevelRun.calm();
    expect(run.step(readings(), { report: run.report('critical', 60_000) })).toBe('critical');
    expect(run.changes.at(-1)).toMatchObject({ cause: 'report', reason: 'resource_guard reports critical.' });
    expect(run.step(readings({ ram: 95 }))).toBe('emergency');
    expect(run.hold(readings({ ram: 95 }), 2_000)).toBe('emergency');
    expect(run.step(readings({ ram: 95 }), { report: run.report('normal', 60_000) })).toBe('emergency');
  });

  test('counts no longer when it has expired, and is ignored when it arrives expired', () => {
    const run = LevelRun.calm();
    run.step(readings(), { report: run.report('emergency', 5_000) });
    expect(run.hold(readings(), 4_500)).toBe('emergency');
    expect(run.step(readings())).toBe('normal');
    expect(run.changes.at(-1)?.reason).toMatch(/^No report says emergency any longer; own readings: CPU 10.0 %/);
    expect(run.step(readings(), { report: run.report('emergency', 0) })).toBe('normal');
  });

  test('a reporter that changes its mind with every sample causes one change', () => {
    const run = LevelRun.calm();
    for (let i = 0; i < 100; i++) {
      run.step(readings(), { afterMs: 1_000, report: run.report(i % 2 === 0 ? 'critical' : 'warn', 30_000) });
    }
    expect(run.changes.map((change) => change.to)).toEqual(['critical']);
  });

  test('a lower report counts after the calm time', () => {
    const run = LevelRun.calm();
    run.step(readings(), { report: run.report('emergency', 600_000) });
    run.step(readings(), { report: run.report('warn', 600_000) });
    expect(run.hold(readings(), 9_750)).toBe('emergency');
    expect(run.hold(readings(), 500)).toBe('warn');
  });

  test('two sources do not overwrite each other, whatever they are called', () => {
    const run = LevelRun.calm();
    run.step(readings(), { report: run.report('critical', 60_000, 'constructor') });
    expect(run.step(readings(), { report: run.report('normal', 60_000, '__proto__') })).toBe('critical');
  });

  test('an older report of the same source does not replace a newer one', () => {
    const run = LevelRun.calm();
    const old = { ...run.report('emergency', 600_000), at: run.now - 60_000 };
    run.step(readings(), { report: run.report('warn', 600_000) });
    expect(run.step(readings(), { report: old })).toBe('warn');
  });

  test('keeps a blind monitor’s level known, and does not lower it', () => {
    const run = LevelRun.calm();
    run.step(readings({ ram: 88 }), { report: run.report('normal', 60_000) });
    expect(run.hold(null, 30_000)).toBe('critical');
    expect(run.hold(null, 40_000)).toBe('unknown');
  });
});

describe('restart', () => {
  test('keeps the level, announces nothing, and leaves by the usual calm', () => {
    const before = LevelRun.calm();
    before.hold(readings({ cpu: 90 }), 1_000);
    const saved: unknown = JSON.parse(JSON.stringify(before.state));
    const later = before.now + 60_000;
    const run = new LevelRun(undefined, restoreLevelState(saved, later), later);
    expect(run.state.level).toBe('critical');
    expect(run.step(null)).toBe('critical');
    expect(run.hold(readings(), 9_750)).toBe('critical');
    expect(run.changes).toEqual([]);
    expect(run.hold(readings(), 500)).toBe('normal');
  });

  test('a restart that never sees anything becomes unknown after three intervals', () => {
    const before = LevelRun.calm();
    const run = new LevelRun(undefined, restoreLevelState(before.state, before.now), before.now);
    expect(run.hold(null, 3_000)).toBe('normal');
    expect(run.step(null)).toBe('unknown');
  });

  test('keeps a report until it expires', () => {
    const before = LevelRun.calm();
    before.step(readings(), { report: before.report('critical', 10_000) });
    const run = new LevelRun(undefined, restoreLevelState(JSON.parse(JSON.stringify(before.state)), before.now), before.now);
    expect(run.hold(readings(), 9_000)).toBe('critical');
    expect(run.hold(readings(), 1_500)).toBe('normal');
  });

  test('two states restore alike when nothing but readings and streaks has changed, not when a level or a report has', () => {
    const run = LevelRun.calm();
    const calm = run.state;
    const alike = (state: LevelState) =>
      expect(restoresAlike(calm, state)).toBe(
        isDeepStrictEqual(restoreLevelState(calm, run.now), restoreLevelState(state, run.now)),
      );
    run.hold(readings({ cpu: 60 }), 500);
    expect(restoresAlike(calm, run.state)).toBe(true);
    alike(run.state);
    run.step(readings(), { report: run.report('normal', 10_000) });
    expect(restoresAlike(calm, run.state)).toBe(false);
    alike(run.state);
    const reported = run.state;
    run.step(readings(), { report: run.report('normal', 10_000) });
    // The same is said, for longer.
    expect(restoresAlike(reported, run.state)).toBe(true);
    run.step(readings(), { report: run.report('warn', 10_000) });
    expect(restoresAlike(reported, run.state)).toBe(false);
    const warned = run.state;
    run.step(readings(), { report: run.report('normal', 10_000) });
    expect(restoresAlike(warned, run.state)).toBe(false);
    run.hold(readings(), 21_000);
    expect(restoresAlike({ ...calm, since: run.state.since }, run.state)).toBe(true);
    alike(run.state);
    // A disk's level changes beside a worse one, which stays.
    run.hold(readings({ ram: 96 }), 2_000);
    const worse = run.state;
    run.hold(readings({ ram: 96, disk: 88 }), 60_000);
    expect(run.state.level).toBe(worse.level);
    expect(restoresAlike(worse, run.state)).toBe(false);
    expect(restoresAlike(run.state, { ...run.state, metrics: {} })).toBe(false);
  });

  test.each([
    null,
    undefined,
    7,
    'critical',
    [],
    {},
    { level: 'red', metrics: {} },
    { level: 'warn' },
    { level: 'warn', metrics: 1 },
  ])('what is no saved state (%j) gives the initial one', (saved) => {
    expect(restoreLevelState(saved, start)).toEqual(initialLevelState(start));
  });
});
