import { describe, expect, test } from 'vitest';
import { jobFindings } from '../../../src/decide/review/job-findings.js';
import { runtimeChange } from '../../../src/decide/review/runtime-change.js';
import { random } from './random.js';
import { precision, recall, scores, total } from './score.js';
import { CLASSES, labelled } from './synthetic-histories.js';

/** Not those that the bars were chosen on: these were 101 to 103. */
const SEED = 20_261_128;
const HISTORIES = 200;

describe('precision and recall on 200 labelled histories', () => {
  const chance = random(SEED);
  const judged = Array.from({ length: HISTORIES }, (_, index) => {
    const of = labelled(CLASSES[index % CLASSES.length] ?? 'steady', chance);
    const findings = jobFindings(of.history, runtimeChange(of.history, of.window), of.window);
    return { of, found: findings.map(({ kind }) => kind) };
  });
  const byClass = scores(judged);

  test('of all: precision at least 0.95, recall at least 0.90', () => {
    const all = total(byClass.values());
    expect(all.histories).toBe(HISTORIES);
    expect(precision(all)).toBeGreaterThanOrEqual(0.95);
    expect(recall(all)).toBeGreaterThanOrEqual(0.9);
  });

  test.each(['drift', 'step', 'intermittent'] as const)('of %s: the same', (name) => {
    const one = byClass.get(name) ?? total([]);
    expect(one.right).toBeGreaterThan(0);
    expect(precision(one)).toBeGreaterThanOrEqual(0.95);
    expect(recall(one)).toBeGreaterThanOrEqual(0.9);
  });

  test.each(['steady', 'seasonal', 'noisy'] as const)('of %s: hardly a word', (name) => {
    expect(byClass.get(name)?.wrong).toBeLessThanOrEqual(1);
  });
});
