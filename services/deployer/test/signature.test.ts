import { createHmac } from 'node:crypto';
import { STREAMS } from '@ops/shared/events';
import { eventually } from '@ops/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

const SECRET = 'the-secret-of-nucleus-4711';

// As a producer in another language would do it: docs/deployments.md.
function signed(
  data: Record<string, unknown>,
  { at = new Date().toISOString(), nonce = String(Math.random()), secret = SECRET } = {},
) {
  const sorted = Object.fromEntries(Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1)));
  const hmac = createHmac('sha256', secret)
    .update(`${at}\n${nonce}\n${JSON.stringify(sorted)}`)
    .digest('hex');
  return { ...data, signature: { at, nonce, hmac } };
}

describe.skipIf(withoutEngine)('signed requests', () => {
  const images = new TestImages();
  let scene: Scene;
  beforeAll(async () => {
    process.env.TEST_DEPLOY_SECRET = SECRET;
    const image = await images.make('one', BEHAVIOUR.polite);
    scene = await Scene.open({
      services: { web: { image, restart: 'always', stop_grace_period: '2s' } },
      deploy: { requests: { signature: 'required', token_env: 'TEST_DEPLOY_SECRET' }, watch: { for: '200ms' } },
    });
  });
  afterAll(async () => {
    await scene?.close();
    await images.remove();
  });
  const asked = { service: 'web', kind: 'compose' };
  const ask = async (data: object) => scene.ending(await scene.ask(data as { kind: string }));
  const detected = () =>
    scene.seen.events
      .filter(({ event }) => event?.type === 'security.detected')
      .map(({ event }) => (event?.data as { kind?: string } | undefined)?.kind);

  test('one that is signed is carried out, and so is one by the token', async () => {
    expect((await ask(signed(asked))).type).toBe('deploy.succeeded');
    expect((await scene.deploy(asked)).type).toBe('deploy.succeeded');
  });

  test.each([
    ['unsigned', () => asked, 'unsigned-request'],
    ['signed with another secret', () => signed(asked, { secret: 'another-secret-4711' }), 'wrong-signature'],
    ['changed after it was signed', () => ({ ...signed(asked), service: 'other' }), 'wrong-signature'],
    ['signed long ago', () => signed(asked, { at: '2026-01-01T00:00:00Z' }), 'replayed-request'],
    ['signed at no time', () => signed(asked, { at: 'yesterday' }), 'replayed-request'],
  ])('one that is %s is refused, and a security event', async (_how, request, kind) => {
    const before = detected().length;
    const ended = await ask(request());
    expect(ended, ended.why).toMatchObject({ type: 'deploy.blocked', data: { findings: [{ code: kind }] } });
    await eventually(() => expect(detected().slice(before)).toEqual([kind]));
  });

  test('the same signed request in another entry is a replay; the same event again is not', async () => {
    const data = signed(asked);
    const event = {
      specversion: '1.0',
      id: 'once',
      source: '/nucleus',
      type: 'deploy.requested',
      subject: 'web',
      time: new Date().toISOString(),
      data,
    };
    for (let at = 0; at < 3; at += 1) await scene.host.redis.xadd(STREAMS.deploys, '*', 'event', JSON.stringify(event));
    const ended = await ask(data);
    expect(ended, ended.why).toMatchObject({ type: 'deploy.blocked', data: { findings: [{ code: 'replayed-request' }] } });
    const { body } = await scene.call('GET', '/deployments');
    const ids = new Set((body.deployments as { deployment_id: string }[]).map(({ deployment_id }) => deployment_id));
    expect(ids.size).toBe((body.deployments as object[]).length);
  });
});
