import { describe, expect, test } from 'vitest';
import { overSince } from '../../src/decide/level.js';
import { levelPolicy } from '../../src/decide/level-policy.js';
import { LevelRun, readings } from './level-steps.js';

describe('bounds', () => {
  test.each([
    ['cpu', 69.99, 'normal'],
    ['cpu', 70, 'warn'],
    ['cpu', 84.99, 'warn'],
    ['cpu', 85, 'critical'],
    ['cpu', 95, 'critical'],
    ['cpu', 95.01, 'emergency'],
    ['ram', 74.99, 'normal'],
    ['ram', 75, 'warn'],
    ['ram', 84.99, 'warn'],
    ['ram', 85, 'critical'],
    ['ram', 92, 'critical'],
    ['ram', 92.01, 'emergency'],
    ['disk', 84.99, 'normal'],
    ['disk', 85, 'warn'],
    ['disk', 94.99, 'warn'],
    ['disk', 95, 'critical'],
    ['disk', 100, 'critical'],
  ] as const)('%s at %d %% for two seconds is %s', (metric, value, level) => {
    const run = LevelRun.calm();
    expect(run.hold(readings({ [metric]: value }), 2_000)).toBe(level);
    if (level !== 'normal') expect(run.changes.at(-1)?.cause).toBe(metric === 'disk' ? 'disk:/' : metric);
  });
});

describe('CPU of a quota', () => {
  const ofQuota = (values: Parameters<typeof readings>[0]) => ({ ...readings(values), cpuOfQuota: true });

  test('all of it for a minute is critical and no more: the quota holds it back; and no proof for a kill', () => {
    const run = LevelRun.calm();
    expect(run.hold(ofQuota({ cpu: 100 }), 60_000)).toBe('critical');
    expect(run.changes).toHaveLength(1);
    expect(run.changes[0]?.reason).toMatch(/^CPU is at 100.0 %, at or above the critical threshold of 85 %/);
    expect(overSince(run.state, 'cpu', 'emergency')).toBeNull();
  });

  test('its memory has an emergency all the same: the kernel ends it next', () => {
    expect(LevelRun.calm().step(ofQuota({ cpu: 100, ram: 93 }))).toBe('emergency');
  });

  test('an emergency of the machine is left where a quota comes to bind us', () => {
    const run = LevelRun.calm();
    expect(run.hold(readings({ cpu: 99 }), 1_000)).toBe('emergency');
    expect(run.step(ofQuota({ cpu: 99 }))).toBe('critical');
    expect(run.changes.at(-1)?.reason).toBe(
      'Nothing holds emergency any longer; own readings: CPU 99.0 %, RAM 20.0 %, Disk / 30.0 %.',
    );
  });
});

describe('entering', () => {
  test('CPU needs both the time and the number of readings', () => {
    const run = LevelRun.calm();
    expect(run.step(readings({ cpu: 99 }))).toBe('normal');
    expect(run.step(readings({ cpu: 99 }), { afterMs: 700 })).toBe('normal');
    expect(run.step(readings({ cpu: 99 }), { afterMs: 10 })).toBe('emergency');
  });

  test('one reading below the bound begins the proof anew', () => {
    const run = LevelRun.calm();
    run.hold(readings({ cpu: 99 }), 300, 100);
    run.step(readings({ cpu: 40 }));
    expect(run.hold(readings({ cpu: 99 }), 300, 100)).toBe('normal');
  });

  test('goes from normal to emergency in one change, and says why', () => {
    const run = LevelRun.calm();
    run.hold(readings({ cpu: 99.5 }), 1_000);
    expect(run.changes).toHaveLength(1);
    expect(run.changes[0]).toMatchObject({ from: 'normal', to: 'emergency', cause: 'cpu', readings: { cpuPercent: 99.5 } });
    expect(run.changes[0]?.reason).toBe('CPU is at 99.5 %, above the emergency threshold of 95 %, for 500 ms (3 readings).');
  });

  test('RAM enters with the first reading: memory is a stock, not a rate', () => {
    const run = LevelRun.calm();
    expect(run.step(readings({ ram: 93.1 }))).toBe('emergency');
    expect(run.changes[0]?.reason).toBe('RAM is at 93.1 %, above the emergency threshold of 92 %, for 0 ms (1 reading).');
  });

  test('a clock that jumps forward does not fake a proof, one that jumps back does not lengthen it', () => {
    const run = LevelRun.calm();
    run.step(readings({ cpu: 99 }));
    expect(run.step(readings({ cpu: 99 }), { afterMs: 3_600_000 })).toBe('normal');
    run.step(readings({ cpu: 99 }), { afterMs: -7_200_000 });
    expect(run.hold(readings({ cpu: 99 }), 1_000)).toBe('emergency');
  });
});

describe('leaving', () => {
  test('needs unbroken calm below the threshold less the margin', () => {
    const run = LevelRun.calm();
    run.hold(readings({ cpu: 90 }), 1_000);
    // 81 is below 85, but not by the margin of 5.
    expect(run.hold(readings({ cpu: 81 }), 60_000)).toBe('critical');
    expect(run.hold(readings({ cpu: 79.9 }), 9_750)).toBe('critical');
    run.step(readings({ cpu: 80 }));
    expect(run.hold(readings({ cpu: 79.9 }), 9_750)).toBe('critical');
    expect(run.hold(readings({ cpu: 79.9 }), 500)).toBe('warn');
    expect(run.changes.at(-1)?.reason).toMatch(
      /^CPU is at 79.9 %, below 80 % \(the critical threshold of 85 % less a margin of 5\) for 10000 ms \(\d+ readings\); warn is entered\.$/,
    );
  });

  test('goes straight to what the calm readings justify', () => {
    const run = LevelRun.calm();
    run.step(readings({ ram: 95 }));
    run.hold(readings({ ram: 30 }), 11_000);
    expect(run.changes.map((change) => change.to)).toEqual(['emergency', 'normal']);
  });

  test('one metric’s calm does not lower another’s level', () => {
    const run = LevelRun.calm();
    run.hold(readings({ cpu: 99, ram: 88 }), 1_000);
    expect(run.hold(readings({ cpu: 5, ram: 88 }), 20_000)).toBe('critical');
    expect(run.hold(readings(), 20_000)).toBe('normal');
  });

  test('an empty disk does not hide a full one, and a disk that is no longer watched holds nothing', () => {
    const run = LevelRun.calm();
    const two = (data: number | null) => ({
      ...readings(),
      disks: [
        { mount: '/', percent: 10 },
        { mount: '/data', percent: data },
      ],
    });
    expect(run.hold(two(96), 2_000)).toBe('critical');
    expect(run.hold(two(null), 120_000)).toBe('critical');
    expect(run.step(readings())).toBe('normal');
  });

  test('the proof for a kill goes on while the level stays, and ends with the first lower reading', () => {
    const run = LevelRun.calm();
    run.step(readings({ cpu: 99 }));
    const since = run.now;
    run.hold(readings({ cpu: 99 }), 20_000);
    expect(overSince(run.state, 'cpu', 'emergency')).toBe(since);
    expect(run.step(readings({ cpu: 95 }))).toBe('emergency');
    expect(overSince(run.state, 'cpu', 'emergency')).toBeNull();
  });
});

test('configured thresholds and times are used', () => {
  const thresholds = {
    cpu: { warn: 10, critical: 20, emergency: 30 },
    ram: { warn: 1, critical: 2, emergency: 3 },
    disk: { warn: 4, critical: 5 },
  };
  const run = LevelRun.calm(levelPolicy(thresholds, { ramCalmMs: 100, ramMargin: 0, diskCalmMs: 100, cpuCalmMs: 100 }));
  expect(run.step(readings({ cpu: 0, ram: 3, disk: 0 }))).toBe('emergency');
  expect(run.hold(readings({ cpu: 0, ram: 0.5, disk: 0 }), 1_000)).toBe('normal');
});
