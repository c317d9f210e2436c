import { randomUUID } from 'node:crypto';
import type { EventData, EventDraft } from '@ops/shared/events';
import { openDatabase } from '@ops/shared/storage';
import { eventually, faultProxy, type Recorder, recorder, type TestHost, testHost } from '@ops/shared/testing';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { incident } from '../src/index.js';
import { ALERT, acknowledged, cleared, FINGERPRINT, LONG, level, OTHER, raised, reminded, runaway } from './events.js';

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

const of = <T extends 'incident.opened' | 'incident.updated' | 'incident.resolved' | 'notice.published'>(type: T) =>
  seen.events.flatMap(({ event }) => (event?.type === type ? [event.data as EventData<T>] : []));
const told = () => of('notice.published').map(({ audience, severity }) => `${audience} ${severity}`);
const get = async (path: string) => (await fetch(`${host.hosted.address}${path}`)).json() as Promise<Record<string, unknown>>;

describe('the guard incident of a host', () => {
  test('opens at critical with evidence, grows at emergency, is resolved below; the right people are told each time', async () => {
    await say(level('critical', 'normal', 1));
    await eventually(() => expect(of('incident.opened')).toHaveLength(1));
    await eventually(() => expect(told()).toEqual(['nucleus critical', 'chief-of-staff critical']));
    await say(level('emergency', 'critical', 2));
    await eventually(() =>
      expect(told().slice(2)).toEqual(['nucleus emergency', 'chief-of-staff emergency', 'maurice emergency']),
    );
    await say(level('normal', 'emergency', 3));
    await eventually(() => expect(told().slice(5)).toEqual(['nucleus info', 'chief-of-staff info', 'maurice info']));

    const [opened] = of('incident.opened');
    expect(opened).toMatchObject({ severity: 'critical', kind: 'guard', about: 'test-host', resolution: null });
    expect(opened?.root_cause).toContain('hog (pid 4242');
    expect(opened?.evidence[0]).toMatchObject({ kind: 'level', facts: { readings: { cpu_percent: 97 } } });
    const [resolved] = of('incident.resolved');
    expect(resolved).toMatchObject({ incident_id: opened?.incident_id, severity: 'emergency' });
    expect(resolved?.resolution).toContain('emergency → normal');

    expect(host.announced).toHaveLength(2);
    expect(host.announced[0]).toMatch(/^EMERGENCY: test-host critical → emergency/);
    const stored = await get(`/incidents/${opened?.incident_id}`);
    expect(stored.evidence).toHaveLength(3);
    expect(stored.resolved_at).not.toBeNull();
  });

  test('reasons as long as a text may be are cut to fit, and everything is told', async () => {
    const reason = 'r'.repeat(2000);
    for (const draft of [level('emergency', 'normal', 1), level('unknown', 'emergency', 2)]) {
      await say({ ...draft, data: { ...draft.data, reason } });
    }
    await say({ ...runaway(), data: { ...runaway().data, reason } });
    const end = level('normal', 'unknown', 3);
    await say({ ...end, data: { ...end.data, reason } });
    await eventually(() => expect(of('incident.resolved')).toHaveLength(1));
    expect(of('incident.updated')).toHaveLength(2);
    await eventually(() => expect(told()).toHaveLength(3 + 2 + 3));
  });

  test('with PostgreSQL away Maurice hears of an emergency, once; the incident is opened when it is back', async () => {
    await host.close();
    const database = new URL(host.databaseUrl);
    const proxy = await faultProxy({ port: Number(database.port) });
    database.port = String(proxy.port);
    host = await testHost([incident], { servers: { redisUrl: host.redisUrl, databaseUrl: database.href } });
    await proxy.refuse();
    proxy.reset();
    await say(level('emergency', 'normal', 1));
    await eventually(() => expect(host.announced).toEqual(['EMERGENCY: test-host normal → emergency: it was emergency']));
    // The handler is repeated until PostgreSQL is back.
    await eventually(() => expect(host.log.filter((line) => line.includes('"guard level"')).length).toBeGreaterThan(1));
    expect(of('incident.opened')).toEqual([]);
    await proxy.heal();
    await eventually(() => expect(told()).toEqual(['nucleus emergency', 'chief-of-staff emergency', 'maurice emergency']));
    expect(of('notice.published')[2]?.incident_id).toBe(of('incident.opened')[0]?.incident_id);
    expect(host.announced).toHaveLength(1);
    expect(host.log.filter((line) => line.includes('"audience":"maurice"'))).toHaveLength(1);
    await host.close();
    await proxy.close();
  });

  test('warn is logged and watched, and is no incident', async () => {
    await say(level('warn', 'normal', 1));
    await say(level('normal', 'warn', 2));
    await eventually(() => expect(host.log.filter((line) => line.includes('"guard level"'))).toHaveLength(2));
    expect(seen.events).toEqual([]);
  });

  test('a blind guard ends no incident', async () => {
    await say(level('critical', 'normal', 1));
    await say(level('unknown', 'critical', 2));
    await eventually(() => expect(of('incident.updated')).toHaveLength(1));
    expect(of('incident.resolved')).toEqual([]);
    expect((await get('/incidents?open=true')).incidents).toHaveLength(1);
  });

  test('a runaway that was ended joins the evidence and names the cause', async () => {
    await say(level('emergency', 'normal', 1));
    await say(runaway());
    await eventually(() => expect(of('incident.updated')).toHaveLength(1));
    expect(of('incident.updated')[0]).toMatchObject({ root_cause: 'hog (pid 4242): RAM is at 95 %' });
    expect(told()).toContain('maurice emergency');
  });

  test('the same changes again, under other ids, change nothing and say nothing new', async () => {
    const events = [level('critical', 'normal', 1), level('normal', 'critical', 2)];
    for (const draft of events) await say(draft);
    await eventually(() => expect(of('incident.resolved')).toHaveLength(1));
    for (const draft of events) await say({ ...draft, purpose: randomUUID() });
    await say(level('warn', 'normal', 3));
    await eventually(() => expect(host.log.filter((line) => line.includes('"guard level"'))).toHaveLength(5));
    expect((await get('/incidents')).incidents).toHaveLength(1);
    expect(of('incident.opened')).toHaveLength(1);
    expect(of('incident.resolved')).toHaveLength(1);
  });
});

describe('incidents of services', () => {
  test('a service that is down opens one, its recovery resolves it', async () => {
    await say(raised({ affects: ['crm'] }));
    await eventually(() => expect(of('incident.opened')).toHaveLength(1));
    expect(of('incident.opened')[0]).toMatchObject({ kind: 'service', about: 'postgresql', severity: 'critical' });
    await say(acknowledged(FINGERPRINT));
    await eventually(() => expect(of('incident.updated')).toHaveLength(1));
    await say(cleared({}));
    await eventually(() => expect(of('incident.resolved')).toHaveLength(1));
    expect(of('incident.resolved')[0]?.resolution).toContain('after 12 s');
  });

  test('two alerts about one service are two incidents: each ends with its own alert, and is taken in hand with it', async () => {
    await say(raised({}));
    await say(raised({ fingerprint: OTHER, summary: 'somebody outside says so too' }));
    await eventually(() => expect(of('incident.opened')).toHaveLength(2));
    const [watched, reported] = of('incident.opened');
    await say(acknowledged(OTHER));
    await say(cleared({ fingerprint: OTHER }));
    await eventually(() => expect(of('incident.resolved')).toHaveLength(1));
    expect(of('incident.updated').map(({ incident_id }) => incident_id)).toEqual([reported?.incident_id]);
    expect(of('incident.resolved')[0]?.incident_id).toBe(reported?.incident_id);
    expect((await get('/incidents?open=true')).incidents).toMatchObject([{ incident_id: watched?.incident_id }]);
  });

  test('a reminder tells again whoever was told, once each; one without an open incident tells nobody', async () => {
    await say(reminded(1));
    await say(raised({}));
    await eventually(() => expect(told()).toEqual(['nucleus critical', 'chief-of-staff critical']));
    await say(reminded(2));
    await say(reminded(2));
    await say(reminded(3));
    await eventually(() => expect(of('incident.updated')).toHaveLength(2));
    await eventually(() => expect(told()).toHaveLength(6));
    expect(of('incident.updated')[0]).toMatchObject({
      change: 'still so after 480 min, and nobody has acknowledged it',
      evidence: [{ kind: 'reminder' }],
    });
  });

  test('an alert that is raised again after a silence is told again; the event that opened the incident is not', async () => {
    const opening = { ...raised({}), purpose: 'begin' };
    await say(opening);
    await eventually(() => expect(told()).toEqual(['nucleus critical', 'chief-of-staff critical']));
    await say(opening);
    await say({ ...raised({}), purpose: 'the silence is over' });
    await eventually(() => expect(of('incident.updated')).toHaveLength(1));
    await eventually(() => expect(told()).toHaveLength(4));
    const [opened] = of('incident.opened');
    expect(of('incident.updated')[0]).toMatchObject({
      incident_id: opened?.incident_id,
      change: 'still so after a silence',
      evidence: [{ kind: 'alert', text: ALERT.summary }],
    });
    const notices = of('notice.published');
    expect(new Set(notices.map(({ notice_id }) => notice_id)).size).toBe(4);
    expect(notices[3]).toMatchObject({ text: `still so after a silence: ${ALERT.summary}`, incident_id: opened?.incident_id });
    expect(of('incident.opened')).toHaveLength(1);
  });

  test('texts as long as a text may be are cut to fit, and everything is told', async () => {
    const summary = `${'s'.repeat(1998)}😀`;
    await say(raised({ summary, ...LONG, depends_on: Array(20).fill('z'.repeat(200)) }));
    await eventually(() => expect(of('incident.opened')).toHaveLength(1));
    await say({ ...acknowledged(FINGERPRINT), data: { ...acknowledged(FINGERPRINT).data, reason: 'r'.repeat(2000), ...LONG } });
    await eventually(() => expect(of('incident.updated')).toHaveLength(1));
    await say(cleared({ summary, ...LONG }));
    await eventually(() => expect(of('incident.resolved')).toHaveLength(1));
    await eventually(() => expect(told()).toHaveLength(4));
    expect(of('incident.resolved')[0]?.resolution).toMatch(/s… \(after 12 s\)$/);
  });

  test('an incident that ends while somebody takes it in hand stays ended, and nothing is said of it', async () => {
    await say(raised({}));
    await eventually(() => expect(of('incident.opened')).toHaveLength(1));
    const database = openDatabase(host.databaseUrl, 'incident');
    await database.transaction().execute(async (transaction) => {
      await sql`update incident set resolved_at = now(), resolution = 'it was over'`.execute(transaction);
      await say(acknowledged(FINGERPRINT));
      // It has read the incident as open, and waits to write.
      await eventually(async () => {
        const { rows } = await sql`select 1 from pg_stat_activity where wait_event_type = 'Lock'`.execute(database);
        expect(rows).toHaveLength(1);
      });
    });
    await database.destroy();
    await eventually(() => expect(host.log.some((line) => line.includes('left alone'))).toBe(true));
    const stored = await get(`/incidents/${of('incident.opened')[0]?.incident_id}`);
    expect(stored).toMatchObject({ resolution: 'it was over', resolved_at: expect.any(String) });
    expect(of('incident.updated')).toEqual([]);
  });

  test.each([
    ['silenced', { silenced: true }],
    ['a warning', { severity: 'warning' as const }],
    ["about the guard's level", { metric: 'guard-level' }],
  ])('an alert that is %s opens none', async (_why, change) => {
    await say(raised(change));
    await say(raised({ service: 'other', silenced: false }));
    await eventually(() => expect(of('incident.opened')).toHaveLength(1));
    expect(of('incident.opened')[0]?.about).toBe('other');
  });
});

async function say(draft: EventDraft): Promise<void> {
  await host.publisher.publish([draft]);
}
