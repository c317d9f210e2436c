import { openDatabase } from '@ops/shared/storage';
import { eventually } from '@ops/shared/testing';
import { sql } from 'kysely';
import { afterEach, expect, test } from 'vitest';
import type { CronSupervisor } from '../src/cron-supervisor.js';
import { doOwnWork } from '../src/on/own-work-round.js';
import { Registry } from '../src/registry.js';
import type { Database } from '../src/state/tables.js';
import { type Scene, scene } from './scene.js';

let here: Scene;
afterEach(() => here.close());

test('our own work is done on its schedule, and supervised as everybody is', async () => {
  here = await scene('{ review: { schedule: "*/3 * * * * *" }, jobs: [{ id: backup }] }');
  await here.call('POST', '/ping/backup');
  await eventually(() => expect(here.of('cron.run-succeeded', 'ops/weekly-review').length).toBeGreaterThan(0), {
    within: 15_000,
  });
  expect(here.of('cron.run-succeeded', 'ops/weekly-review')[0]).toMatchObject({
    trigger: 'schedule',
    output: expect.stringContaining('was made'),
  });
  // Our own two, and whatever else was known by then.
  await eventually(() => expect(here.of('cron.review-published')[0]?.jobs).toBeGreaterThanOrEqual(2));
  const { body } = await here.call('GET', '/cron/reviews/latest');
  expect(String(body.report)).toContain('#');
  const runs = await here.call('GET', '/cron/runs?job=ops%2Fweekly-review');
  expect(JSON.stringify(runs.body.missed)).toBe('[]');
});

test('our own work is not begun before it is known: nobody would keep what is told of the run', async () => {
  const added: unknown[] = [];
  const queues = { add: async (_kind: unknown, ...rest: unknown[]) => void added.push(rest) };
  const self = { registry: new Registry(), queues, clock: { now: () => 1000 } } as unknown as CronSupervisor;
  await doOwnWork(self, 'weekly-review');
  expect(added).toEqual([[{ job: 'weekly-review', slot: 4000 }, 3000]]);
});

test('what is older than the history is let go, what has not ended is not', async () => {
  here = await scene('{ history: 90d, jobs: [{ id: backup }] }');
  await here.call('POST', '/ping/backup/start?run=open');
  await here.call('POST', '/ping/backup?run=long-ago');
  await here.call('POST', '/ping/backup?run=today');
  const database = openDatabase(here.host.databaseUrl, 'cron-supervisor') as unknown as Database;
  const aged = await sql`
    update cron_run set started_at = started_at - interval '91 days', ended_at = ended_at - interval '91 days'
    where ref in ('long-ago', 'open')`.execute(database);
  expect(Number(aged.numAffectedRows)).toBe(2);
  await database.destroy();
  expect(await here.call('POST', '/cron/jobs/ops%2Fforget-old/run', {})).toMatchObject({ status: 202 });
  await eventually(() =>
    expect(here.of('cron.run-succeeded', 'ops/forget-old')).toMatchObject([{ output: '1 rows were let go' }]),
  );
  const { body } = await here.call('GET', '/cron/runs?job=heartbeat%2Fbackup');
  expect((body.runs as { ref: string }[]).map(({ ref }) => ref)).toEqual(['today', 'open']);
});
