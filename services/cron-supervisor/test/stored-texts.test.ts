import { eventually } from '@ops/shared/testing';
import { afterEach, expect, test } from 'vitest';
import { FakeGateway } from './openclaw/fake/fake-gateway.js';
import { type Scene, scene } from './scene.js';

process.env.OPENCLAW_TEST_TOKEN = 'the-token-of-the-gateway';
let gateway: FakeGateway;
let here: Scene;
afterEach(async () => {
  await here.close();
  await gateway.close();
});

test('whatever a run puts out is stored, half a character and U+0000 too; jobs that are gone take their alerts with them', async () => {
  gateway = await FakeGateway.start('modern', 'the-token-of-the-gateway');
  const job = gateway.add({ name: 'odd\u0000name', state: { nextRunAtMs: Date.UTC(2027, 0, 1, 4) } });
  here = await scene(
    `{ sources: [{ openclaw: { url: "${gateway.url}", token_env: OPENCLAW_TEST_TOKEN } }], rules: [{ job: "openclaw/${job.id}", retry: false }] }`,
  );
  await eventually(async () => expect(JSON.stringify((await here.call('GET', '/cron/jobs')).body)).toContain(job.id));
  const run = async (summary: string) => {
    const over = gateway.scheduled(job.id);
    gateway.finish(job.id, { kind: 'ok', summary });
    await over;
  };
  await run(`a\u0000b ${'😀'.repeat(40_000)}`);
  await eventually(() => expect(here.of('cron.run-succeeded')).toHaveLength(1));
  await run('401 Unauthorized 😀'.slice(0, -1));
  await eventually(() => expect(here.of('cron.run-failed')).toMatchObject([{ code: 'error-page', final: true }]));
  const alerts = (status: string) =>
    here.of('alert.reported').filter((one) => one.metric === 'cron-result' && one.status === status);
  await eventually(() => expect(alerts('failed')).toHaveLength(1));
  gateway.remove(job.id);
  await eventually(() => expect(alerts('ok')).toHaveLength(1));
  const { body } = await here.call('GET', '/cron/jobs');
  expect(JSON.stringify(body)).not.toContain(job.id);
});
