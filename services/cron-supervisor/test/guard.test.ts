import { keys } from '@ops/shared/events';
import { eventually, level } from '@ops/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Scene, scene } from './scene.js';

let here: Scene;
beforeEach(async () => {
  here = await scene(
    '{ retry_after: 200ms, jobs: [{ id: report, command: [sh, -c, "echo done"] }, { id: invoices, command: [sh, -c, "echo done"], class: revenue }] }',
  );
});
afterEach(() => here.close());

const deferred = () => here.of('cron.retry-scheduled').filter((one) => one.deferred);
const retried = (job: string) => here.of('cron.run-succeeded', `heartbeat/${job}`).filter(({ trigger }) => trigger === 'retry');

test('at critical a retry of non-revenue work waits, and goes on as soon as the guard lets it; revenue work does not wait', async () => {
  await here.host.redis.hset(keys.guardGate, 'level', 'critical');
  await here.call('POST', '/ping/report/1');
  await here.call('POST', '/ping/invoices/1');
  await eventually(() =>
    expect(deferred()).toMatchObject([{ job_id: 'heartbeat/report', reason: expect.stringContaining('critical') }]),
  );
  await eventually(() => expect(retried('invoices')).toHaveLength(1));
  expect(retried('report')).toEqual([]);
  await here.host.redis.hset(keys.guardGate, 'level', 'warn');
  await here.host.publisher.publish([level(2)]);
  await eventually(() => expect(retried('report')).toHaveLength(1));
});

test('at emergency nothing is started, by nobody but who insists; nothing is lost', async () => {
  await here.host.redis.hset(keys.guardGate, 'level', 'emergency');
  await here.call('POST', '/ping/invoices/1');
  await eventually(() =>
    expect(deferred()).toMatchObject([{ job_id: 'heartbeat/invoices', reason: 'the guard is at emergency' }]),
  );
  expect(await here.call('POST', '/cron/jobs/report/run', {})).toMatchObject({ status: 409, body: { error: 'GUARD' } });
  expect(await here.call('POST', '/cron/jobs/report/run', { force: true })).toMatchObject({ status: 202 });
  await eventually(() => expect(here.of('cron.run-succeeded', 'heartbeat/report')).toHaveLength(1));
  expect(retried('invoices')).toEqual([]);
  await here.host.redis.hset(keys.guardGate, 'level', 'normal');
  await here.host.publisher.publish([level(3)]);
  await eventually(() => expect(retried('invoices')).toHaveLength(1));
});
