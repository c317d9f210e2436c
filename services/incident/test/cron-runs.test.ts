import { type EventData, type EventDraft, SUPERVISED_JOB } from '@ops/shared/events';
import { eventually, type Recorder, recorder, type TestHost, testHost } from '@ops/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { incident } from '../src/index.js';
import { cleared } from './events.js';

let host: TestHost;
let seen: Recorder;
beforeEach(async () => {
  host = await testHost([incident]);
  seen = await recorder(host.redisUrl, ['ops:incidents']);
});
afterEach(async () => {
  await seen.close();
  await host.close();
});

const run = (id: string, startedAt: string) => ({
  job_id: 'openclaw/crawl',
  job_name: 'crawl',
  source: 'openclaw',
  agent: null,
  run_id: id,
  started_at: startedAt,
  slot: null,
  trigger: 'schedule' as const,
});
const overran = (id: string): EventDraft => ({
  type: 'cron.run-overran',
  subject: 'openclaw/crawl',
  data: { ...run(id, '2026-11-28T08:00:00Z'), expected: 60, limit: 120, expected_from: 'given', kill: true },
});
const killed = (id: string, outcome: 'ended' | 'survived'): EventDraft => ({
  type: 'cron.run-killed',
  subject: 'openclaw/crawl',
  data: {
    ...run(id, '2026-11-28T08:00:00Z'),
    outcome,
    how: 'tasks.cancel',
    took_ms: 31,
    evidence: { log: ['fetching page 1 of 90000'], processes: ['4242 node 700 MB'], guard: [{ level: 'warn' }] },
  },
});
const succeeded = (id: string, startedAt: string): EventDraft => ({
  type: 'cron.run-succeeded',
  subject: 'openclaw/crawl',
  data: { ...run(id, startedAt), ended_at: startedAt, duration: 5, code: 'ok', output: 'done', was_missed: false },
});
const of = <T extends 'incident.opened' | 'incident.updated' | 'incident.resolved' | 'notice.published'>(type: T) =>
  seen.events.flatMap(({ event }) => (event?.type === type ? [event.data as EventData<T>] : []));

test('a run that takes too long is an incident with the evidence of its end, until a later run of the job succeeds', async () => {
  await host.publisher.publish([overran('r1'), killed('r1', 'ended'), overran('r2'), killed('r2', 'survived')]);
  await eventually(() => expect(of('incident.updated')).toHaveLength(3));
  const [opened] = of('incident.opened');
  expect(of('incident.opened')).toHaveLength(1);
  expect(opened).toMatchObject({ kind: 'cron', about: 'openclaw/crawl', severity: 'critical' });
  expect(JSON.stringify(of('incident.updated')[0]?.evidence)).toContain('fetching page 1 of 90000');
  // Two hear of the beginning, and of the one that could not be ended.
  await eventually(() => expect(of('notice.published')).toHaveLength(4));
  expect(of('notice.published').at(-1)?.text).toContain('could not be ended');
  await host.publisher.publish([succeeded('r0', '2026-11-28T07:00:00Z')]);
  await host.publisher.publish([succeeded('r3', new Date(Date.now() + 1000).toISOString())]);
  await eventually(() => expect(of('incident.resolved')).toMatchObject([{ incident_id: opened?.incident_id }]));
  expect(of('incident.resolved')[0]?.resolution).toContain('r3');
});

test('a job that is removed or switched off has no later run: its incident is over with the alert about it', async () => {
  await host.publisher.publish([overran('r1')]);
  await eventually(() => expect(of('incident.opened')).toHaveLength(1));
  const alert = { service: 'openclaw/crawl', metric: 'cron-runtime', status: 'ok' };
  // The very run that took too long has ended well: it says nothing of the next one.
  await host.publisher.publish([cleared({ ...alert, threshold: 'a run that succeeds', current_value: 'it has succeeded' })]);
  await host.publisher.publish([cleared({ ...alert, metric: 'cron-result', threshold: SUPERVISED_JOB })]);
  const found = 'the job is switched off';
  await host.publisher.publish([cleared({ ...alert, threshold: SUPERVISED_JOB, current_value: found })]);
  await eventually(() => expect(of('incident.resolved')).toHaveLength(1));
  expect(of('incident.resolved')).toMatchObject([{ about: 'openclaw/crawl', resolution: expect.stringContaining(found) }]);
});
