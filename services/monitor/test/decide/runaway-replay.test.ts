import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideRunaway, judgedFacts } from '../../src/decide/runaway.js';
import { CommandLine, type ProcessFact } from '../../src/decide/runaway-process.js';
import { type RunawayDecision, recordRunaway, replayRunaway } from '../../src/decide/runaway-replay.js';
import { anyTable, cpuFacts, eager, now, owners, ramFacts } from './runaway-tables.js';

const policy = { ...eager, owners, neverPatterns: [/nightly-restore/], neverUsers: [1001] };

/** A choice as it would lie in the file; null where nobody is chosen. */
function recorded(table: readonly ProcessFact[], byRam = true): RunawayDecision | null {
  const facts = byRam ? ramFacts(table) : cpuFacts(table);
  const plan = decideRunaway(facts, policy, now);
  return plan === null ? null : JSON.parse(JSON.stringify(recordRunaway(plan, judgedFacts(facts, policy), policy)));
}

describe('a recorded choice of a victim', () => {
  test('comes out the same when it is made again, after JSON, whatever the table was', () => {
    let replayed = 0;
    fc.assert(
      fc.property(anyTable, fc.boolean(), (table, byRam) => {
        const decision = recorded(table, byRam);
        if (decision === null) return;
        replayed += 1;
        expect(replayRunaway(decision)).toEqual({ same: true, reason: decision.plan.reason });
      }),
      { numRuns: 500 },
    );
    expect(replayed).toBeGreaterThan(100);
  });

  test('comes out otherwise where the numbers do not say it', () => {
    const decision = someDecision();
    const spared = decision.facts.judged.map((each) => ({ ...each, spared: 'never-named' as const }));
    expect(replayRunaway({ ...decision, facts: { ...decision.facts, judged: spared } })).toEqual({
      same: false,
      reason: 'nobody is ended',
    });
    expect(
      replayRunaway({ ...decision, policy: { ...decision.policy, ram: { ...decision.policy.ram, graceMs: 1 } } }),
    ).toMatchObject({
      same: false,
    });
  });

  test('holds nothing of a command line', () => {
    const [table = []] = fc.sample(
      anyTable.filter((each) => recorded(each) !== null),
      1,
    );
    const withSecret = table.map((each) => ({ ...each, commandLine: new CommandLine('serve --password=hunter2') }));
    const decision = recorded(withSecret);
    expect(decision?.facts.judged.length).toBeGreaterThan(0);
    expect(decision?.facts.judged.filter(({ process }) => process.commandLine !== null)).toEqual([]);
  });
});

function someDecision(): RunawayDecision {
  const [decision] = fc.sample(anyTable, 200).flatMap((table) => recorded(table) ?? []);
  if (decision === undefined) throw new Error('nobody was chosen in 200 tables');
  return decision;
}
