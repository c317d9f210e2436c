import { eventually } from '@ops/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeGateway } from './openclaw/fake/fake-gateway.js';
import { type Scene, scene } from './scene.js';

const TOKEN = 'the-token-of-the-gateway';
process.env.OPENCLAW_TEST_TOKEN = TOKEN;

describe.each(['legacy', 'modern'] as const)('a %s gateway', (generation) => {
  let gateway: FakeGateway;
  let here: Scene;
  beforeEach(async () => {
    gateway = await FakeGateway.start(generation, TOKEN);
  });
  afterEach(async () => {
    await here.close();
    await gateway.close();
  });
  const open = async (cron = '') => {
    here = await scene(`{ sources: [{ openclaw: { url: "${gateway.url}", token_env: OPENCLAW_TEST_TOKEN } }], ${cron} }`);
  };
  const listed = (id: string) =>
    eventually(async () => {
      const { body } = await here.call('GET', '/cron/jobs');
      expect(JSON.stringify(body)).toContain(id);
    });

  test('whose run is called ok, and was not: it failed, is retried once, and the alert is raised when that fails too', async () => {
    const job = gateway.add({ name: 'morning-brief', state: { nextRunAtMs: Date.UTC(2027, 0, 1, 4) } });
    await open('retry_after: 400ms');
    await listed(job.id);
    const run = gateway.scheduled(job.id);
    await eventually(() => expect(here.of('cron.run-started')).toHaveLength(1));
    gateway.finish(job.id, { kind: 'http', status: 401 });
    await run;
    await eventually(() => expect(here.of('cron.run-failed')).toHaveLength(1));
    const code = generation === 'legacy' ? 'error-page' : 'source-error';
    expect(here.of('cron.run-failed')[0]).toMatchObject({ code, word: generation === 'legacy' ? 'ok' : 'error', final: false });
    expect(here.of('cron.retry-scheduled')).toHaveLength(1);
    await eventually(() => expect(gateway.store.running.has(job.id)).toBe(true));
    await eventually(() => expect(here.of('cron.run-started')).toHaveLength(2));
    expect(here.of('cron.run-started')[1]).toMatchObject({ trigger: 'retry' });
    gateway.finish(job.id, { kind: 'empty' });
    await eventually(() => expect(here.of('cron.run-failed')).toHaveLength(2));
    expect(here.of('cron.run-failed')[1]).toMatchObject({ code: 'empty-output', final: true, word: 'ok', trigger: 'retry' });
    await eventually(() =>
      expect(here.of('alert.reported').filter(({ metric }) => metric === 'cron-result')).toMatchObject([{ status: 'failed' }]),
    );
    expect(gateway.wire.called('cron.run')).toHaveLength(1);
  });

  test('that switches a job off by itself when it has failed: it is not tried again, and the alert is raised and stays', async () => {
    const job = gateway.add({ name: 'failing' });
    await open('retry_after: 1s');
    await listed(job.id);
    const run = gateway.scheduled(job.id);
    await eventually(() => expect(here.of('cron.run-started')).toHaveLength(1));
    gateway.finish(job.id, { kind: 'no-key' });
    await run;
    job.enabled = false;
    gateway.wire.tell('cron', { jobId: job.id, action: 'updated', job });
    const alerts = () => here.of('alert.reported').filter(({ metric }) => metric === 'cron-result');
    await eventually(() =>
      expect(alerts()).toMatchObject([{ status: 'failed', current_value: expect.stringContaining('switched off') }]),
    );
    expect(gateway.wire.called('cron.run')).toEqual([]);
    job.enabled = true;
    gateway.wire.tell('cron', { jobId: job.id, action: 'updated', job });
    void gateway.scheduled(job.id);
    await eventually(() => expect(gateway.store.running.has(job.id)).toBe(true));
    gateway.finish(job.id);
    await eventually(() => expect(alerts()).toMatchObject([{ status: 'failed' }, { status: 'ok' }]));
  });

  test('that is killed in the middle of a run: the run is told of as interrupted, once, when it is back', async () => {
    const job = gateway.add({ name: 'nightly' });
    await open('retry_after: 1h');
    await listed(job.id);
    void gateway.scheduled(job.id);
    await eventually(() => expect(here.of('cron.run-started')).toHaveLength(1));
    await gateway.kill();
    await gateway.startAgain();
    // Somebody who connects again asks what has become of it; a run is given a moment to be listed.
    await eventually(() => expect(here.of('cron.run-failed')).toMatchObject([{ code: 'interrupted' }]), { within: 90_000 });
    expect(here.of('cron.run-started')).toHaveLength(1);
  });

  test('whose run takes too long: it is killed, recorded so whatever the gateway calls it, and told of with evidence', async () => {
    const job = gateway.add({ name: 'crawl' });
    await open('rules: [{ job: openclaw/crawl, expected: 300ms }]');
    await listed(job.id);
    void gateway.scheduled(job.id);
    await eventually(() => expect(here.of('cron.run-killed')).toHaveLength(1));
    expect(here.of('cron.run-overran')).toMatchObject([{ expected: 0.3, limit: 0.6, expected_from: 'given', kill: true }]);
    expect(here.of('cron.run-killed')).toMatchObject([{ outcome: 'ended' }]);
    await eventually(() => expect(here.of('cron.run-failed')).toMatchObject([{ code: 'killed', final: true }]));
    const sent = generation === 'legacy' ? 'sessions.delete' : 'tasks.cancel';
    expect(gateway.wire.called(sent)).toHaveLength(1);
    const { body } = await here.call('GET', `/cron/runs?job=${encodeURIComponent('openclaw/crawl')}`);
    expect(body.runs).toMatchObject([{ verdict: 'killed', kill: { outcome: 'ended' } }]);
  });

  test('that is down: each slot is missed once, and nothing is told twice when it is back', async () => {
    const job = gateway.add({ name: 'pulse', schedule: { kind: 'cron', expr: '*/2 * * * * *', tz: 'UTC' } });
    await open('rules: [{ job: openclaw/pulse, grace: 500ms }]');
    await listed(job.id);
    await gateway.kill();
    const refused = await here.call('POST', `/cron/jobs/${encodeURIComponent('openclaw/pulse')}/run`, {});
    expect(refused).toMatchObject({
      status: 503,
      body: { error: 'SOURCE_DOWN', message: expect.stringContaining('does not answer') },
    });
    await eventually(() => expect(here.of('cron.run-missed').length).toBeGreaterThan(2), { within: 20_000 });
    await gateway.startAgain();
    const slots = here.of('cron.run-missed').map(({ slot }) => slot);
    expect(new Set(slots).size).toBe(slots.length);
    for (const [index, slot] of slots.entries())
      if (index > 0) expect(Date.parse(slot) - Date.parse(slots[index - 1] ?? '')).toBe(2000);
    expect(here.of('cron.run-missed')[0]).toMatchObject({ unseen: false, reason: expect.stringContaining('does not answer') });
  });
});

test('a wrong token is said, as an alert that names where the token comes from; heartbeats go on', async () => {
  const gateway = await FakeGateway.start('modern', 'another-token');
  const here = await scene(
    `{ sources: [{ openclaw: { url: "${gateway.url}", token_env: OPENCLAW_TEST_TOKEN } }], jobs: [{ id: backup }] }`,
  );
  try {
    expect((await here.call('POST', '/ping/backup')).body).toMatchObject({ verdict: 'succeeded' });
    await eventually(
      () =>
        expect(
          here.of('alert.reported').find(({ metric, status }) => metric === 'cron-source' && status === 'down'),
        ).toBeDefined(),
      { within: 40_000 },
    );
    const alert = here.of('alert.reported').find(({ status }) => status === 'down');
    expect(String(alert?.current_value)).toContain('token_env');
    expect(JSON.stringify(here.host.log)).not.toContain(TOKEN);
  } finally {
    await here.close();
    await gateway.close();
  }
});
