import { describe, expect, test } from 'vitest';
import { busConditions, type GroupSight, progressOf } from '../../src/decide/bus-conditions.js';

const SIGHT: GroupSight = {
  stream: 'ops:alerts',
  group: 'incident',
  lag: 3,
  pending: 0,
  marker: 'a',
  oldestPending: null,
  reader: null,
  unread: null,
};
const STUCK_AFTER = 20_000;
const NOW = 1_800_000_000_000;

const conditionsAt = (monotonic: number, ...sights: [number, Partial<GroupSight>][]) => {
  let progress: ReturnType<typeof progressOf> | undefined;
  for (const [at, sight] of sights) progress = progressOf(progress, { ...SIGHT, ...sight }, at);
  return busConditions(progress === undefined ? [] : [progress], STUCK_AFTER, monotonic, NOW);
};

describe('a group with work that does not get on', () => {
  test.each([
    [
      'no progress for long enough: it fires',
      [
        [0, {}],
        [20_000, {}],
      ],
      'firing',
    ],
    [
      'not yet',
      [
        [0, {}],
        [19_999, {}],
      ],
      'ok',
    ],
    [
      'it has got on in between',
      [
        [0, {}],
        [15_000, { marker: 'b' }],
        [20_000, { marker: 'b' }],
      ],
      'ok',
    ],
    [
      'it had nothing to do: its time begins with its work',
      [
        [0, { lag: 0 }],
        [15_000, {}],
        [30_000, {}],
      ],
      'ok',
    ],
    [
      'nothing before it, but something in hand that never ends',
      [
        [0, { lag: 0, pending: 1 }],
        [25_000, { lag: 0, pending: 1 }],
      ],
      'firing',
    ],
    [
      'one entry in hand that never ends, while the others go on',
      [
        [0, { pending: 1, oldestPending: '1-0' }],
        [15_000, { pending: 2, oldestPending: '1-0', marker: 'b' }],
        [20_000, { pending: 1, oldestPending: '1-0', marker: 'c' }],
      ],
      'firing',
    ],
    [
      'always something in hand, and never the same for long',
      [
        [0, { pending: 1, oldestPending: '1-0' }],
        [15_000, { pending: 2, oldestPending: '2-0', marker: 'b' }],
        [30_000, { pending: 1, oldestPending: '3-0', marker: 'c' }],
      ],
      'ok',
    ],
    [
      'it is done',
      [
        [0, {}],
        [30_000, { lag: 0, marker: 'b' }],
      ],
      'ok',
    ],
  ] as [string, [number, Partial<GroupSight>][], string][])('%s', (_name, sights, state) => {
    const [condition] = conditionsAt(sights.at(-1)?.[0] ?? 0, ...sights);
    expect(condition).toMatchObject({ state, service: 'incident', metric: 'bus-progress', name: 'ops:alerts' });
  });

  test('the text says how much waits, for how long, and who should read', () => {
    const [condition] = conditionsAt(25_000, [0, { reader: 'vm-1' }], [25_000, { reader: 'vm-1' }]);
    expect(condition?.summary).toBe(
      'incident does not get on with ops:alerts: 3 entries before it, 0 in hand, none finished for 25 s; vm-1 reads for it',
    );
  });
});

test('an entry that alone does not end is named, with its age', () => {
  const [condition] = conditionsAt(
    21_000,
    [0, { oldestPending: '7-0', pending: 1, reader: 'vm-1' }],
    [21_000, { oldestPending: '7-0', pending: 1, reader: 'vm-1', marker: 'b' }],
  );
  expect(condition).toMatchObject({
    status: 'held',
    current_value: 21,
    summary: 'incident gets on with ops:alerts, but not with 7-0: in hand for 21 s, and its subject waits; vm-1 reads for it',
  });
});

test('just after the start nobody knows whether a group with work is stuck: an alert that fires is not ended', () => {
  const progress = progressOf(undefined, SIGHT, 1000);
  expect(busConditions([progress], STUCK_AFTER, 1000, NOW, 1000)[0]?.state).toBe('unknown');
  expect(busConditions([progress], STUCK_AFTER, 21_000, NOW, 1000)[0]?.state).toBe('firing');
  const idle = progressOf(undefined, { ...SIGHT, lag: 0 }, 1000);
  expect(busConditions([idle], STUCK_AFTER, 1000, NOW, 1000)[0]?.state).toBe('ok');
});

test.each([
  ['lately', NOW - 1000, 'firing'],
  ['long ago', NOW - 2 * 3_600_000, 'ok'],
])('a group that has lost entries %s', (_name, at, state) => {
  const [, condition] = conditionsAt(0, [0, { unread: { entries: 7, at } }]);
  expect(condition).toMatchObject({ state, metric: 'bus-unread', current_value: 7, severity: 'critical' });
});
