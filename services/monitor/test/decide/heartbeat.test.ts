import { expect, test } from 'vitest';
import { type Heartbeats, hear, heartbeatConditions, SILENT_MS } from '../../src/decide/heartbeat.js';

const stateOf = (heard: Heartbeats, lookedAt: number, now = lookedAt) =>
  heartbeatConditions(heard, lookedAt, now).map(({ service, state }) => `${service} ${state}`);

test('another monitor is alive while its sign changes, silent when it has not for 15 s, and alive again with the next change', () => {
  let heard = hear(new Map(), { own: 'x', other: 'a' }, 'own', 0, 0);
  // Seen once: it may have been dead for a year.
  expect(stateOf(heard, 0)).toEqual(['other unknown']);
  heard = hear(heard, { other: 'b' }, 'own', 5_000, 5_000);
  expect(stateOf(heard, 5_000)).toEqual(['other ok']);
  heard = hear(heard, { other: 'b' }, 'own', 5_000 + SILENT_MS - 1, 5_000 + SILENT_MS - 1);
  expect(stateOf(heard, 5_000 + SILENT_MS - 1)).toEqual(['other ok']);
  heard = hear(heard, { other: 'b' }, 'own', 5_000 + SILENT_MS, 5_000 + SILENT_MS);
  const [silent] = heartbeatConditions(heard, 5_000 + SILENT_MS, 5_000 + SILENT_MS);
  expect(silent).toMatchObject({ service: 'other', metric: 'monitor-heartbeat', state: 'firing', severity: 'critical' });
  expect(silent?.summary).toBe('the monitor of other has given no sign of life for 15 s: nobody guards that host');
  heard = hear(heard, { other: 'c' }, 'own', 30_000, 30_000);
  // It came back after it was silent: that is newer than the alert.
  expect(heartbeatConditions(heard, 30_000, 30_000)).toMatchObject([{ state: 'ok', since: 30_000 }]);
});

test('one that was dead before we began is silent after as long', () => {
  const heard = hear(hear(new Map(), { other: 'a' }, 'own', 0, 0), { other: 'a' }, 'own', SILENT_MS - 1, SILENT_MS);
  expect(stateOf(heard, SILENT_MS)).toEqual(['other firing']);
});

test('one that has signed off is not there; blind ourselves, we know nothing of the others', () => {
  let heard = hear(new Map(), { other: 'a' }, 'own', 0, 0);
  heard = hear(heard, { other: 'b' }, 'own', 5_000, 5_000);
  expect(stateOf(heard, 5_000, 5_000 + SILENT_MS)).toEqual(['other unknown']);
  expect(hear(heard, {}, 'own', 10_000, 10_000).size).toBe(0);
});

test('who could not look for 15 s knows nothing of the others: their silence was perhaps that of Redis', () => {
  let heard = hear(new Map(), { other: 'a' }, 'own', 0, 0);
  heard = hear(heard, { other: 'b' }, 'own', 0, 5_000);
  expect(stateOf(hear(heard, { other: 'b' }, 'own', 5_000, 5_000 + SILENT_MS), 5_000 + SILENT_MS)).toEqual(['other unknown']);
});
