import type { CheckResult } from '@ops/shared/probes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideCheck, initialCheckState } from '../../src/decide/check-state.js';
import type { CheckPolicy, CheckState } from '../../src/decide/check-types.js';

const POLICY: CheckPolicy = { failures: 2, of: 3, atDeath: true, upAfter: 2, interval: 5000, timeout: 5000 };
const LETTERS = { O: 'ok', S: 'slow', P: 'partial', F: 'failed', X: 'failed', u: 'unsure' } as const;
type Letter = keyof typeof LETTERS;

function resultOf(letter: Letter, at: number): CheckResult {
  const outcome = LETTERS[letter];
  const responseMs = outcome === 'ok' ? 3 : outcome === 'slow' ? 30 : null;
  // X: failed, and gone.
  return { outcome, responseMs, detail: `it was ${outcome}`, at, gone: letter === 'X' };
}

/** The states after each letter of a story, one interval apart. */
function statesAfter(story: string, policy = POLICY): CheckState[] {
  const states = [initialCheckState('crm', false)];
  for (const [index, letter] of [...story].entries()) {
    const at = (index + 1) * policy.interval;
    const before = states.at(-1) ?? initialCheckState('crm', false);
    states.push(decideCheck(before, resultOf(letter as Letter, at), policy, at));
  }
  return states.slice(1);
}

const statusesOf = (story: string, policy = POLICY) => statesAfter(story, policy).map(({ status }) => status);
const last = (story: string, policy = POLICY) => statesAfter(story, policy).at(-1) ?? initialCheckState('crm', false);
const changes = (statuses: readonly string[]) =>
  statuses.filter((status, index) => index > 0 && status !== statuses[index - 1]).length;

test.each([
  ['the first good answer is up at once', 'O', 'up'],
  ['one slow answer is no trouble yet: the first of all connects', 'S', 'up'],
  ['before the first good answer one failure says nothing', 'F', 'unknown'],
  ['two failures of the first two are down', 'FF', 'down'],
  ['one failure is not down', 'OOF', 'up'],
  ['one that worked and is gone is down at once', 'OOX', 'down'],
  ['so is one that was degraded', 'OSSX', 'down'],
  ['gone before its first good answer may be on its way', 'X', 'unknown'],
  ['two of three are down', 'OFOF', 'down'],
  ['two of four are not', 'OFOOF', 'up'],
  ['two slow ones are degraded', 'OSS', 'degraded'],
  ['something missing twice is degraded', 'OPP', 'degraded'],
  ['a slow and a failed one are degraded', 'OSF', 'degraded'],
  ['degraded becomes down', 'OSSFF', 'down'],
  ['one good answer does not end an outage', 'OFFO', 'down'],
  ['two in a row do', 'OFFOO', 'up'],
  ['a failure between them begins the count again', 'OFFOFO', 'down'],
  ['slow answers end an outage as degraded', 'OFFSS', 'degraded'],
  ['one good answer does not end degradation', 'OSSO', 'degraded'],
  ['two in a row do', 'OSSOO', 'up'],
  ['what was counted before the recovery is forgotten', 'OSSOOS', 'up'],
  ['unsure answers do not lower', 'Ouuu', 'up'],
  ['nor raise', 'OFFuuu', 'down'],
  ['nor count between failures', 'OFuuF', 'down'],
  ['a long time of them is unknown', 'Ouuuu', 'unknown'],
  ['for a service that was down as well', 'OFFuuuu', 'unknown'],
  ['which is still down when it first answers', 'OFFuuuuO', 'down'],
  ['and up when it has answered well often enough', 'OFFuuuuOO', 'up'],
  ['what was up is up at its first answer', 'OuuuuO', 'up'],
  ['without any sure answer it stays unknown', 'uuuuuu', 'unknown'],
])('%s: %s', (_why, story, expected) => {
  expect(last(story).status).toBe(expected);
});

test('a paused service stays as it is', () => {
  const paused = initialCheckState('crm', true);
  expect(paused.status).toBe('paused');
  expect(decideCheck(paused, resultOf('F', 1), POLICY, 1)).toBe(paused);
});

test('the state tells when and why, and how far a recovery is', () => {
  const states = statesAfter('OFFO');
  expect(states[0]).toMatchObject({ since: 5000, detail: 'it was ok', responseMs: 3, suspect: false });
  expect(states[1]).toMatchObject({ status: 'up', suspect: true, since: 5000, checkedAt: 10_000 });
  expect(states[2]).toMatchObject({ status: 'down', suspect: false, since: 15_000, detail: 'it was failed' });
  expect(states[3]?.detail).toBe('it was ok (down until it answers well 2 times in a row: 1 so far)');
  expect(last('Ouuuu').detail).toBe('no sure answer for 20 s: it was unsure');
  expect(last('u').detail).toBe('it was unsure');
});

test('a slow probe of long timeout is not called unknown before its time', () => {
  const patient = { ...POLICY, interval: 200, timeout: 60_000 };
  const up = decideCheck(initialCheckState('crm', false), resultOf('O', 0), patient, 0);
  expect(decideCheck(up, resultOf('u', 120_000), patient, 120_000).status).toBe('up');
  expect(decideCheck(up, resultOf('u', 180_001), patient, 180_001).status).toBe('unknown');
});

describe('flapping', () => {
  // Twenty times down and up in a minute, whatever the check's interval makes of it.
  test.each([
    ['one check each', 'FO'],
    ['two checks each', 'FFOO'],
    ['three checks each', 'FFFOOO'],
    ['seven checks each', 'FFFFFFFOOOOOOO'],
    ['slow and fast', 'SSOO'],
    ['slow, down and fast', 'SSFFOO'],
  ])('%s: at most two outages are told', (_why, period) => {
    const statuses = statusesOf(`O${period.repeat(20)}`, { ...POLICY, interval: 60_000 / 20 / period.length });
    const falls = statuses.filter((status, index) => status !== 'up' && statuses[index - 1] === 'up');
    expect(falls.length).toBeLessThanOrEqual(2);
    // An outage that begins slow has a step more.
    expect(changes(statuses)).toBeLessThanOrEqual(period.startsWith('SSF') ? 5 : 4);
  });

  test('a service that was well for ten minutes falls without a memory of earlier falls', () => {
    const calm = 'O'.repeat(130);
    const relapsed = last('OFFOOFF');
    expect(relapsed.relapses).toBe(1);
    expect(last(`OFFOOFF${calm}FF`)).toMatchObject({ status: 'down', relapses: 0 });
    expect(last(`OFFOOFF${calm}FFOO`).status).toBe('up');
  });

  test('it is never kept down for more than five minutes of good answers', () => {
    const story = fc.array(fc.constantFrom('O', 'S', 'F', 'u'), { maxLength: 120 }).map((letters) => letters.join(''));
    fc.assert(
      fc.property(story, fc.integer({ min: 200, max: 60_000 }), (before, interval) => {
        const policy = { ...POLICY, interval };
        const good = Math.max(POLICY.upAfter, Math.ceil(300_000 / interval));
        expect(last(`${before}${'O'.repeat(Math.min(good, 30))}`, policy).status).toBe('up');
      }),
    );
  });
});

describe('for any story', () => {
  const letters = fc.array(fc.constantFrom<Letter>('O', 'S', 'P', 'F', 'u'), { maxLength: 200 });
  const policies = fc
    .record({
      failures: fc.integer({ min: 1, max: 6 }),
      more: fc.integer({ min: 0, max: 6 }),
      upAfter: fc.integer({ min: 1, max: 5 }),
    })
    .map(({ failures, more, upAfter }) => ({ ...POLICY, failures, of: failures + more, upAfter }));

  test('down needs N failures of the last M answers, and a way out of it enough good ones in a row', () => {
    fc.assert(
      fc.property(letters, policies, (story, policy) => {
        const states = statesAfter(story.join(''), policy);
        const outcomes = story.filter((letter) => letter !== 'u');
        let answered = 0;
        for (const [index, state] of states.entries()) {
          if (story[index] !== 'u') answered += 1;
          const before = states[index - 1]?.status ?? 'unknown';
          const answers = outcomes.slice(0, answered);
          if (state.status === 'down' && before !== 'down' && before !== 'unknown') {
            expect(answers.slice(-policy.of).filter((letter) => letter === 'F').length).toBeGreaterThanOrEqual(policy.failures);
          }
          if (before === 'down' && (state.status === 'up' || state.status === 'degraded')) {
            expect(answers.slice(-policy.upAfter)).not.toContain('F');
          }
        }
      }),
    );
  });

  test('an unsure answer changes no status but to unknown, and forgets nothing', () => {
    fc.assert(
      fc.property(letters, policies, (story, policy) => {
        const states = statesAfter(story.join(''), policy);
        for (const [index, state] of states.entries()) {
          const before = states[index - 1];
          if (story[index] !== 'u' || before === undefined) continue;
          expect([before.status, 'unknown']).toContain(state.status);
          expect(state).toMatchObject({ recent: before.recent, good: before.good, fine: before.fine, relapses: before.relapses });
        }
      }),
    );
  });

  test('it is plain data that does not grow', () => {
    fc.assert(
      fc.property(letters, policies, (story, policy) => {
        const state = last(story.join(''), policy);
        expect(state.recent.length).toBeLessThanOrEqual(policy.of);
        expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      }),
    );
  });
});

test('asked again within a second because something had happened: the same moment is not two failures', () => {
  const up = last('OO');
  const once = decideCheck(up, resultOf('F', 20_000), POLICY, 20_000);
  const again = decideCheck(once, resultOf('F', 20_200), POLICY, 20_200);
  expect([once.status, again.status]).toEqual(['up', 'up']);
  expect(decideCheck(again, resultOf('F', 21_000), POLICY, 21_000).status).toBe('down');
  // One that is gone needs no second.
  expect(decideCheck(again, resultOf('X', 20_300), POLICY, 20_300).status).toBe('down');
});
