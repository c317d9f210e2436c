import { createLogger } from '@ops/shared/runtime';
import { migrate, openDatabase } from '@ops/shared/storage';
import { testPostgres } from '@ops/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Job } from '../src/cron-types.js';
import { migrations } from '../src/migrations/index.js';
import { registerJobs, storedJobs } from '../src/state/jobs.js';
import type { Database } from '../src/state/tables.js';

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

const job = (id: string, more: Partial<Job> = {}): Job => ({
  job_id: `openclaw/${id}`,
  source: 'openclaw',
  external_id: id,
  name: id,
  purpose: '',
  agent: null,
  enabled: true,
  schedule: { kind: 'every', every_ms: 3_600_000, anchor_ms: 0 },
  policy: {
    expected_ms: null,
    expected_from: 'default',
    grace_ms: 60_000,
    retry: true,
    kill: true,
    output: {},
    class: 'non-revenue',
  },
  timeout_ms: null,
  problem: null,
  ...more,
});
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
