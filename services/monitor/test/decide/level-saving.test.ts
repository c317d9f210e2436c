import { expect, test } from 'vitest';
import { mustSave } from '../../src/decide/level-saving.js';
import { LevelRun, readings } from './level-steps.js';

const calm = LevelRun.calm();
const warned = LevelRun.calm();
warned.hold(readings({ ram: 80 }), 1000);
const reported = LevelRun.calm();
reported.step(readings(), { report: reported.report('normal', 600_000) });

test.each([
  ['calm', calm.state, true, 59_999, false],
  ['calm', calm.state, true, 60_000, true],
  ['calm, with a change that is not said yet', calm.state, false, 4999, false],
  ['calm, with a change that is not said yet', calm.state, false, 5000, true],
  ['warn', warned.state, true, 4999, false],
  ['warn', warned.state, true, 5000, true],
  ['normal, with a report', reported.state, true, 5000, true],
])('%s', (_what, state, isAllSaid, age, must) => {
  expect(mustSave({ at: 1000, state }, state, isAllSaid, 1000 + age)).toBe(must);
});

test('what was never saved, or is another level now, is saved at once', () => {
  expect(warned.state.level).toBe('warn');
  expect(mustSave(null, calm.state, true, 0)).toBe(true);
  expect(mustSave({ at: 1000, state: calm.state }, warned.state, true, 1001)).toBe(true);
  expect(mustSave({ at: 1000, state: calm.state }, reported.state, true, 1001)).toBe(true);
});
