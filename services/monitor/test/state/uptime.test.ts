import { migrate, openDatabase } from '@ops/shared/storage';
import { testPostgres } from '@ops/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { initialCheckState } from '../../src/decide/check-state.js';
import type { CheckState } from '../../src/decide/check-types.js';
import * as uptime from '../../src/migrations/2026-11-23-uptime.js';
import { pruneUptime, recordUptime, type UptimeDatabase, type UptimeTables, uptimeShares } from '../../src/state/uptime.js';

const HOST = 'mac';
const START = Date.UTC(2026, 10, 23, 12);
let database: UptimeDatabase;

beforeEach(async () => {
  const { fresh } = await testPostgres();
  const opened = openDatabase(await fresh(), 'monitor');
  await migrate(opened, 'monitor', { '2026-11-23-uptime': uptime });
  database = opened.withTables<UptimeTables>();
});
afterEach(() => database.destroy());

function seen(service: string, status: CheckState['status'], since: number): CheckState {
  return { ...initialCheckState(service, false), status, since: START + since * 1000 };
}
const record = (at: number, ...states: CheckState[]) => recordUptime(database, HOST, states, START + at * 1000);
const share = async (service: string, from: number, to: number) =>
  (await uptimeShares(database, HOST, START + from * 1000, START + to * 1000)).get(service);
const spans = async () => {
  const rows = await database.selectFrom('uptime_span').selectAll().orderBy('service').orderBy('began').execute();
  const seconds = (time: Date) => (time.getTime() - START) / 1000;
  return rows.map(({ service, status, began, seen_until }) => [service, status, seconds(began), seconds(seen_until)]);
};

test('a state that holds is one span, whatever the number of rounds; a repeat changes nothing', async () => {
  for (const at of [0, 15, 30, 30, 45]) await record(at, seen('crm', 'up', 0), seen('redis', 'down', 0));
  expect(await spans()).toEqual([
    ['crm', 'up', 0, 45],
    ['redis', 'down', 0, 45],
  ]);
  expect(await share('crm', 0, 45)).toBe(1);
  expect(await share('redis', 0, 45)).toBe(0);
});

test('a change begins a span at the time of the change; degraded counts as up', async () => {
  await record(0, seen('crm', 'up', 0));
  await record(30, seen('crm', 'up', 0));
  await record(45, seen('crm', 'down', 40));
  await record(60, seen('crm', 'degraded', 50));
  expect(await spans()).toEqual([
    ['crm', 'up', 0, 30],
    ['crm', 'down', 40, 45],
    ['crm', 'degraded', 50, 60],
  ]);
  expect(await share('crm', 0, 60)).toBeCloseTo(40 / 45);
  expect(await share('crm', 20, 42)).toBeCloseTo(10 / 12);
});

test('time in which nobody looked is unknown, and neither up nor down', async () => {
  await record(0, seen('crm', 'up', 0));
  await record(15, seen('crm', 'up', 0));
  // The process slept: its state is older than the pause.
  await record(300, seen('crm', 'up', 0));
  await record(315, seen('crm', 'up', 0));
  // A new process, which first saw the service at 700.
  await record(705, seen('crm', 'down', 700));
  expect(await spans()).toEqual([
    ['crm', 'up', 0, 15],
    ['crm', 'up', 300, 315],
    ['crm', 'down', 700, 705],
  ]);
  expect(await share('crm', 0, 1000)).toBeCloseTo(30 / 35);
  expect(await share('crm', 20, 290)).toBeUndefined();
});

test('what is unknown, paused or not answered yet is not stored', async () => {
  await record(0, seen('crm', 'unknown', 0), seen('redis', 'paused', 0), initialCheckState('ollama', false));
  expect(await spans()).toEqual([]);
  expect(await share('crm', 0, 10)).toBeUndefined();
});

test('hosts are kept apart, and old spans are forgotten', async () => {
  await recordUptime(database, 'other', [seen('crm', 'down', 0)], START + 60_000);
  await record(100, seen('crm', 'up', 90));
  expect(await share('crm', 0, 100)).toBe(1);
  await pruneUptime(database, START + 80_000);
  expect(await spans()).toEqual([['crm', 'up', 90, 100]]);
});
