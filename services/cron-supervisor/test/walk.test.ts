import { eventually } from '@ops/shared/testing';
import { afterEach, expect, test } from 'vitest';
import { type Scene, scene } from './scene.js';

let here: Scene;
afterEach(() => here.close());

test('a heartbeat job is seen from its start to its end, listed, and told of', async () => {
  here = await scene('{ jobs: [{ id: backup, schedule: "0 3 * * *", purpose: copies the database, expected: 10m }] }');
  const started = await here.call('POST', '/ping/backup/start?run=a1');
  expect(started).toMatchObject({ status: 200, body: { job_id: 'heartbeat/backup', verdict: null, limit_ms: 1_200_000 } });
  await here.call('POST', '/ping/backup/log?run=a1', 'half of it\n');
  const ended = await here.call('POST', '/ping/backup?run=a1');
  expect(ended.body).toMatchObject({ run_id: started.body.run_id, verdict: 'succeeded' });
  await eventually(() => expect(here.of('cron.run-succeeded')).toHaveLength(1));
  expect(here.of('cron.run-started')).toMatchObject([{ run_id: started.body.run_id, trigger: 'unscheduled', slot: null }]);
  expect(here.of('cron.run-succeeded')).toMatchObject([
    { job_id: 'heartbeat/backup', run_id: started.body.run_id, code: 'ok', output: 'half of it\n' },
  ]);
  // Told twice, it is one.
  expect((await here.call('POST', '/ping/backup?run=a1')).body).toEqual(ended.body);
  const listed = await here.call('GET', '/cron/jobs');
  expect((listed.body.jobs as { source: string }[]).filter(({ source }) => source !== 'ops')).toMatchObject([
    {
      job_id: 'heartbeat/backup',
      purpose: 'copies the database',
      strip: 's',
      last_verdict: 'succeeded',
      schedule: '0 3 * * * UTC',
    },
  ]);
});

test('a failure is retried once by its command; when that fails too, an alert is raised, and a success clears it', async () => {
  here = await scene(
    '{ retry_after: 300ms, jobs: [{ id: report, command: [sh, -c, "echo no paper; exit 3"] }, { id: other, schedule: "0 3 * * *" }] }',
  );
  const failed = await here.call('POST', '/ping/report/3', 'no paper');
  expect(failed.body).toMatchObject({ verdict: 'failed', reason: 'no paper' });
  await eventually(() => expect(here.of('cron.run-failed')).toHaveLength(2));
  const [first, second] = here.of('cron.run-failed');
  expect(first).toMatchObject({ final: false, trigger: 'unscheduled', code: 'exit-code' });
  expect(second).toMatchObject({ final: true, trigger: 'retry', output: 'no paper\n' });
  const waited = Date.parse(second?.started_at ?? '') - Date.parse(first?.ended_at ?? '');
  expect(waited).toBeGreaterThanOrEqual(300);
  await eventually(() => expect(here.of('alert.reported').filter(({ metric }) => metric === 'cron-result')).toHaveLength(1));
  expect(here.of('alert.reported').find(({ metric }) => metric === 'cron-result')).toMatchObject({
    service: 'heartbeat/report',
    status: 'failed',
  });
  await here.call('POST', '/ping/report');
  await eventually(() =>
    expect(here.of('alert.reported').filter(({ metric, status }) => metric === 'cron-result' && status === 'ok')).toHaveLength(1),
  );
});
