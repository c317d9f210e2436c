import type { EventData, EventDraft } from '@ops/shared/events';
import { eventually, type Recorder, recorder, type TestHost, testHost } from '@ops/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { incident } from '../src/index.js';

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

const log = (status: string, id: string) => ({
  service: 'crm',
  action: 'compose',
  status,
  timestamp: '2026-11-25T10:00:00Z',
  duration: 3,
  deployment_id: id,
  project: '/srv/crm',
});
const failure = { step: 'verify', reason: 'crm ended: exit code 3', evidence: ['crm-1: exited\ncannot find my database'] };
const failed = (touched: boolean, id = 'd1'): EventDraft => ({
  type: 'deploy.failed',
  subject: 'crm',
  data: { ...log('failed', id), ...failure, touched, rollback: touched ? 'failed' : 'not-needed' },
});
const rolledBack: EventDraft = {
  type: 'deploy.rolled-back',
  subject: 'crm',
  data: { ...log('rolled-back', 'd2'), ...failure, restored: ['crm'] },
};
const succeeded: EventDraft = { type: 'deploy.succeeded', subject: 'crm', data: { ...log('succeeded', 'd3'), services: [] } };
const of = <T extends 'incident.opened' | 'incident.resolved' | 'notice.published'>(type: T) =>
  seen.events.flatMap(({ event }) => (event?.type === type ? [event.data as EventData<T>] : []));

test('a deployment that could not be taken back is an incident, until one of its project is proven', async () => {
  await host.publisher.publish([failed(true)]);
  await eventually(() => expect(of('incident.opened')).toHaveLength(1));
  const [opened] = of('incident.opened');
  expect(opened).toMatchObject({
    kind: 'deployment',
    about: '/srv/crm',
    severity: 'emergency',
    root_cause: 'deployment d1: crm ended: exit code 3',
  });
  expect(JSON.stringify(opened?.evidence)).toContain('cannot find my database');
  await eventually(() => expect(host.announced.join()).toContain('EMERGENCY: deployment d1 of crm failed'));
  await host.publisher.publish([succeeded]);
  await eventually(() =>
    expect(of('incident.resolved')).toMatchObject([
      { incident_id: opened?.incident_id, resolution: expect.stringContaining('d3') },
    ]),
  );
});

test('one that touched nothing, or was taken back, is told to who asked for it, and no incident', async () => {
  await host.publisher.publish([failed(false), rolledBack]);
  await eventually(() => expect(of('notice.published')).toHaveLength(4));
  expect(of('notice.published').map(({ audience, severity, text }) => [audience, severity, text.slice(0, 30)])).toEqual([
    ['nucleus', 'warning', 'deployment d1 of crm failed at'],
    ['chief-of-staff', 'warning', 'deployment d1 of crm failed at'],
    ['nucleus', 'warning', 'deployment d2 of crm was rolle'],
    ['chief-of-staff', 'warning', 'deployment d2 of crm was rolle'],
  ]);
  expect(of('incident.opened')).toEqual([]);
});

test('a change that nobody deployed is told to Maurice', async () => {
  const data = {
    kind: 'out-of-band-change' as const,
    service: 'crm',
    summary: 'container crm-1 of crm was stopped or killed, and not by a deployment',
    who: 'root: docker stop (pid 7)',
    what: 'stopped or killed: crm-1',
    timestamp: '2026-11-25T10:00:00Z',
  };
  await host.publisher.publish([{ type: 'security.detected', subject: 'crm', data }]);
  await eventually(() =>
    expect(host.announced).toEqual([expect.stringContaining('CRITICAL: container crm-1 of crm was stopped')]),
  );
});
