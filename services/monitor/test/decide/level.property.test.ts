import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultLevelPolicy, defaultLevelThresholds, levelPolicy } from '../../src/decide/level-policy.js';
import type { KnownLevel, Level, LevelReadings } from '../../src/decide/level-types.js';
import { LevelRun, readings } from './level-steps.js';

const order: readonly Level[] = ['normal', 'warn', 'critical', 'emergency'];
const known = fc.constantFrom<KnownLevel>('normal', 'warn', 'critical', 'emergency');
const percent = fc.double({ min: 0, max: 100, noNaN: true });
const maybe = fc.option(percent, { nil: null });
const sample = fc.record({ cpu: maybe, ram: maybe, disk: maybe }).map(readings);
const BLIND_MS = defaultLevelPolicy.intervalMs * defaultLevelPolicy.blindAfterIntervals;
const interval = fc.integer({ min: 50, max: 1_000 });

const allThresholds = [
  ...Object.values(defaultLevelThresholds.cpu).map((at) => ['cpu', at] as const),
  ...Object.values(defaultLevelThresholds.ram).map((at) => ['ram', at] as const),
  ...Object.values(defaultLevelThresholds.disk).map((at) => ['disk', at] as const),
];

/** The level of one reading, by the words of the design and without any time. */
function instant(of: LevelReadings): KnownLevel {
  const cpu = of.cpuPercent ?? 0;
  const ram = of.ramPercent ?? 0;
  const disk = of.disks[0]?.percent ?? 0;
  if (cpu > 95 || ram > 92) return 'emergency';
  if (cpu >= 85 || ram >= 85 || disk >= 95) return 'critical';
  return cpu >= 70 || ram >= 75 || disk >= 85 ? 'warn' : 'normal';
}

test('alternating 0.1 above and below any threshold for 100 samples changes the level at most twice', () => {
  fc.assert(
    fc.property(fc.constantFrom(...allThresholds), interval, fc.integer({ min: 1, max: 8 }), ([metric, at], everyMs, dwell) => {
      const run = LevelRun.calm();
      for (let i = 0; i < 100; i++) {
        run.step(readings({ [metric]: Math.floor(i / dwell) % 2 === 0 ? at + 0.1 : at - 0.1 }), { afterMs: everyMs });
      }
      expect(run.changes.length).toBeLessThanOrEqual(2);
    }),
  );
});

test('20 periods of load and idle in 60 s change the level at most twice', () => {
  fc.assert(
    fc.property(fc.constantFrom('cpu' as const, 'ram' as const), fc.integer({ min: 300, max: 2_700 }), (metric, busyMs) => {
      const run = LevelRun.calm();
      for (let i = 0; i < 20; i++) {
        run.hold(readings({ [metric]: 99 }), busyMs, 100);
        run.hold(readings(), 3_000 - busyMs, 100);
      }
      expect(run.changes.length).toBeLessThanOrEqual(2);
    }),
  );
});

test('missing data never lowers the level, for however long', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(sample, interval), { maxLength: 40 }),
      fc.array(interval, { minLength: 1, maxLength: 200 }),
      (seen, gaps) => {
        const run = new LevelRun();
        for (const [each, afterMs] of seen) run.step(each, { afterMs });
        const before = run.state;
        for (const afterMs of gaps) run.step(null, { afterMs });
        expect([before.level, 'unknown']).toContain(run.state.level);
        expect(run.state.metrics).toEqual(before.metrics);
        // Sight returns with the calmest reading there is: the level is back, and not lower.
        const worst = Math.max(0, ...Object.values(before.metrics).map((metric) => order.indexOf(metric.level ?? 'normal')));
        run.step(readings({ cpu: 0, ram: 0, disk: null }), { afterMs: 4_000 });
        expect(order.indexOf(run.state.level)).toBeGreaterThanOrEqual(worst);
      },
    ),
  );
});

test('null readings between real ones never lower either', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(sample, interval), { minLength: 1, maxLength: 60 }), (seen) => {
      const run = LevelRun.calm();
      run.step(readings({ ram: 95 }));
      let [passed, blind] = [0, 0];
      for (const [each, afterMs] of seen) {
        passed += afterMs;
        if (passed >= 10_000) break;
        blind = each.cpuPercent === null ? blind + afterMs : 0;
        // Where CPU was not read for so long either, nobody knows the level, which lowers no limit.
        const level = blind > BLIND_MS ? 'unknown' : 'emergency';
        expect(run.step({ ...each, ramPercent: null }, { afterMs })).toBe(level);
      }
    }),
  );
});

test('the level is never below what a valid report says, and a report never lowers what we see', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.option(sample, { nil: null }), interval, fc.option(known, { nil: null })), { maxLength: 60 }),
      (steps) => {
        const [withReports, without] = [LevelRun.calm(), LevelRun.calm()];
        let newest: { level: KnownLevel; until: number } | null = null;
        for (const [each, afterMs, reported] of steps) {
          const report =
            reported === null ? null : { ...withReports.report(reported, 5_000), expiresAt: withReports.now + afterMs + 5_000 };
          const level = withReports.step(each, report === null ? { afterMs } : { afterMs, report });
          const own = without.step(each, { afterMs });
          if (report !== null) newest = { level: report.level, until: report.expiresAt };
          if (own !== 'unknown') expect(order.indexOf(level)).toBeGreaterThanOrEqual(order.indexOf(own));
          if (newest !== null && newest.until > withReports.now) {
            expect(order.indexOf(level)).toBeGreaterThanOrEqual(order.indexOf(newest.level));
          }
        }
      },
    ),
  );
});

test('a sustained reading gives exactly the level of the design', () => {
  fc.assert(
    fc.property(fc.record({ cpu: percent, ram: percent, disk: percent }), (values) => {
      const run = LevelRun.calm();
      expect(run.hold(readings(values), 3_000)).toBe(instant(readings(values)));
    }),
  );
});

test('monotone: readings that are higher throughout never give a lower level', () => {
  const pairs = fc.array(fc.tuple(percent, percent, interval), { minLength: 1, maxLength: 80 });
  fc.assert(
    fc.property(fc.constantFrom('cpu' as const, 'ram' as const, 'disk' as const), pairs, (metric, steps) => {
      const [low, high] = [LevelRun.calm(), LevelRun.calm()];
      for (const [a, b, afterMs] of steps) {
        low.step(readings({ [metric]: Math.min(a, b) }), { afterMs });
        high.step(readings({ [metric]: Math.max(a, b) }), { afterMs });
        expect(order.indexOf(high.state.level)).toBeGreaterThanOrEqual(order.indexOf(low.state.level));
      }
    }),
  );
});

test('the state survives JSON, and changes are exactly the differences of the level', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.option(sample, { nil: null }), interval), { maxLength: 60 }), (steps) => {
      const run = new LevelRun(levelPolicy(defaultLevelThresholds, { cpuCalmMs: 500, ramCalmMs: 500, diskCalmMs: 500 }));
      let level: Level = 'unknown';
      for (const [each, afterMs] of steps) {
        run.step(each, { afterMs });
        expect(JSON.parse(JSON.stringify(run.state))).toEqual(run.state);
      }
      for (const change of run.changes) {
        expect(change.from).toBe(level);
        expect(change.to).not.toBe(level);
        expect(change.reason).toMatch(/^[A-Z].*\.$/);
        level = change.to;
      }
      expect(run.state.level).toBe(level);
    }),
  );
});

test('the default policy is the one of the design', () => {
  expect(defaultLevelPolicy.cpu.bounds.emergency).toMatchObject({ at: 95, exclusive: true });
  expect(defaultLevelPolicy.disk.bounds.emergency).toBeUndefined();
});
