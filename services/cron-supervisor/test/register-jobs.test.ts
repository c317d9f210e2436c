import type { EventDraft } from '@ops/shared/events';
import { createLogger } from '@ops/shared/runtime';
import { migrate, openDatabase } from '@ops/shared/storage';
import { testPostgres } from '@ops/shared/testing';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Job } from '../src/cron-types.js';
import { migrations } from '../src/migrations/index.js';
import { registerJobs, removeOtherSources, storedJobs } from '../src/state/jobs.js';
import type { Database } from '../src/state/tables.js';
import { madeJob } from './made-job.js';

const NOW = Date.UTC(2026, 10, 28, 12);

let database: Database;
let logged: Record<string, unknown>[];
beforeEach(async () => {
  const opened = openDatabase(await (await testPostgres()).fresh(), 'cron-supervisor');
  await migrate(opened, 'cron-supervisor', migrations);
  database = opened as Database;
  logged = [];
});
afterEach(() => database.destroy());

const job = (id: string, more: Partial<Job> = {}) => madeJob('openclaw', id, more);
const raise = () => sql`update cron_job set raised = '["cron-result", "cron-schedule", "cron-runtime"]'`.execute(database);
/** The alerts that were said to be over since the last look. */
async function over(): Promise<object[]> {
  const { rows } = await sql<{ draft: EventDraft<'alert.reported'> }>`
    with said as (delete from cron_event returning n, draft) select draft from said order by n`.execute(database);
  return rows.map(({ draft: { data } }) => [data.service, data.metric, data.status, data.current_value]);
}
const register = (...jobs: Job[]) =>
  registerJobs(database, 'openclaw', jobs, {
    now: NOW,
    unread: [],
    log: createLogger('info', { write: (line) => logged.push(JSON.parse(line)) }),
  });

test('a job that cannot be stored is said, and keeps none of the others from being supervised', async () => {
  // Its deadline is no date.
  const bad = job('bad', { schedule: { kind: 'at', at_ms: 8.64e15 } });
  expect(await register(job('first'), bad, job('last'))).toBe(true);
  expect((await storedJobs(database)).map(({ external_id }) => external_id).toSorted()).toEqual(['first', 'last']);
  expect(logged).toMatchObject([{ job: 'openclaw/bad', msg: 'a scheduled job cannot be stored, and is not supervised' }]);
});

test.each([
  ['switched off', { enabled: false }, 'the job is switched off'],
  ['not to be understood any more', { problem: 'schedule: odd' }, 'the job cannot be judged: schedule: odd'],
] as const)(
  'the alerts about a job that is %s are over, once; that its last run has failed stands',
  async (_what, change, found) => {
    await register(job('a'), job('b'));
    await raise();
    await register(job('a', change), job('b', { name: 'other' }));
    expect(await over()).toEqual([
      ['openclaw/a', 'cron-schedule', 'ok', found],
      ['openclaw/a', 'cron-runtime', 'ok', found],
    ]);
    expect((await storedJobs(database)).find(({ external_id }) => external_id === 'a')?.raised).toEqual(['cron-result']);
    // What somebody starts by hand is told of, and stands.
    await raise();
    await register(job('a', { ...change, name: 'renamed' }), job('b', { name: 'other' }));
    expect(await over()).toEqual([]);
  },
);

test('a source that ops.yaml does not name any more takes the alerts about it, and about its jobs, with it', async () => {
  await register(job('a'), job('b'));
  await raise();
  const dropped = () => removeOtherSources(database, ['heartbeat'], { now: NOW, host: 'here' });
  await dropped();
  expect(await over()).toHaveLength(8);
  await register(job('a'));
  await dropped();
  expect(await over()).toEqual([
    ['cron source openclaw', 'cron-registry', 'ok', 'all of them'],
    ['cron source openclaw', 'cron-source', 'ok', 'it answers'],
  ]);
  await dropped();
  expect(await over()).toEqual([]);
});
