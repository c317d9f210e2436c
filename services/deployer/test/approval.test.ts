import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

describe.skipIf(withoutEngine)('approvals', () => {
  const images = new TestImages();
  let scene: Scene;
  let image: string;
  let other: string;
  beforeAll(async () => {
    image = await images.make('one', BEHAVIOUR.polite);
    other = await images.make('two', BEHAVIOUR.polite);
  });
  afterEach(() => scene?.close());
  afterAll(() => images.remove());
  const web = (which: string) => ({ web: { image: which, restart: 'always', stop_grace_period: '2s' } });
  const asks = { kind: 'compose', service: 'web', volumes_changed: true };
  async function open(deploy: object = {}) {
    scene = await Scene.open({ services: web(image), deploy });
    expect((await scene.deploy({ kind: 'compose', service: 'web' })).type).toBe('deploy.succeeded');
    await scene.compose(web(other));
  }
  const running = async () => Object.values(await scene.containers()).map(({ Image }) => Image);

  test('what cannot be taken back waits for a person, who approves this very plan', async () => {
    await open();
    const id = await scene.request(asks);
    const required = await scene.waitFor('deploy.approval-required', id);
    expect(required.reasons).toEqual(['the request says that volumes change']);
    expect(await running()).toEqual([await images.id(image)]);
    const wrong = await scene.call('POST', `/deployments/${id}/approve`, { by: 'maurice', plan_hash: 'another' });
    expect(wrong).toMatchObject({ status: 409, body: { error: 'ANOTHER_PLAN' } });
    const { status } = await scene.call('POST', `/deployments/${id}/approve`, { by: 'maurice', plan_hash: required.plan_hash });
    expect(status).toBe(200);
    expect((await scene.ending(id)).type).toBe('deploy.succeeded');
    expect(await running()).toEqual([await images.id(other)]);
    const { body } = await scene.call('GET', `/deployments/${id}`);
    expect(body).toMatchObject({ record: { approval: { by: 'maurice', plan_hash: required.plan_hash } } });
    expect(scene.story(id)).toContain('deploy.approved');
  });

  test('an approval is void where the plan is another by now', async () => {
    await open();
    const id = await scene.request(asks);
    const first = await scene.waitFor('deploy.approval-required', id);
    await scene.compose({ web: { ...web(other).web, environment: { MORE: 'yes' } } });
    await scene.call('POST', `/deployments/${id}/approve`, { by: 'maurice', plan_hash: first.plan_hash });
    const fits = (hash: unknown) => hash !== first.plan_hash;
    const again = await scene.seen.waitFor(
      ({ event }) => event?.type === 'deploy.approval-required' && fits((event.data as { plan_hash: string }).plan_hash),
    );
    expect(await running()).toEqual([await images.id(image)]);
    const plan_hash = String((again.event?.data as { plan_hash?: string } | undefined)?.plan_hash);
    await scene.call('POST', `/deployments/${id}/reject`, { by: 'maurice', reason: 'not today', plan_hash });
    const ended = await scene.ending(id);
    expect(ended, ended.why).toMatchObject({ type: 'deploy.rejected', data: { by: 'maurice', reason: 'not today' } });
    expect((await scene.call('GET', `/deployments/${id}`)).body).toMatchObject({
      verdict: 'rejected',
      record: { status: 'rejected' },
    });
  });

  test('what nobody approves in time expires', async () => {
    await open({ approve_within: '1s' });
    const ended = await scene.deploy(asks);
    expect(ended, ended.why).toMatchObject({ type: 'deploy.rejected', data: { by: 'nobody' } });
    expect(await running()).toEqual([await images.id(image)]);
  });

  test('an id of nothing, a decision that nobody asked for, a body that is none: each says why', async () => {
    await open();
    const done = await scene.deploy({ kind: 'restart', service: 'web' });
    const id = String(done.data.deployment_id);
    expect((await scene.call('GET', '/deployments/none')).status).toBe(404);
    expect(await scene.call('POST', `/deployments/${id}/approve`, { plan_hash: 'x' })).toMatchObject({
      status: 409,
      body: { error: 'NOT_WAITING' },
    });
    expect(await scene.call('POST', `/deployments/${id}/approve`, { by: 7 })).toMatchObject({ status: 400 });
    expect(await scene.call('POST', '/freeze', { by: 'x' })).toMatchObject({ status: 400 });
  });
});
