import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  async function open(deploy: object = {}, settings: object = {}) {
    scene = await Scene.open({ services: web(image), deploy, settings });
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

  test('only a token with the scope approve approves; one that operates asks, and the record tells which token it was', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ops-tokens-'));
    const secrets = { operate: 'nucleus-asks-with-this', approve: 'the-phone-approves-with-this' };
    for (const [name, secret] of Object.entries(secrets)) await writeFile(join(folder, name), secret);
    const tokens = [
      { name: 'nucleus', scopes: ['operate'], token_file: join(folder, 'operate') },
      { name: 'phone', scopes: ['approve'], token_file: join(folder, 'approve') },
    ];
    await open({}, { http: { tokens } });
    expect(await scene.call('POST', '/deployments', asks, secrets.approve)).toMatchObject({
      status: 403,
      body: { error: 'SCOPE_MISSING' },
    });
    const asked = await scene.call('POST', '/deployments', { ...asks, requested_by: 'agent 7' }, secrets.operate);
    const id = String(asked.body.deployment_id);
    const { plan_hash } = await scene.waitFor('deploy.approval-required', id);
    const decision = { by: 'maurice', plan_hash };
    for (const word of ['approve', 'reject'])
      expect(await scene.call('POST', `/deployments/${id}/${word}`, decision, secrets.operate)).toMatchObject({
        status: 403,
        body: { error: 'SCOPE_MISSING', message: expect.stringContaining('scope approve') },
      });
    expect((await scene.call('GET', `/deployments/${id}`)).body).toMatchObject({
      waits_for: 'approval',
      requested_by: 'agent 7 (token nucleus)',
    });
    expect(await running()).toEqual([await images.id(image)]);
    expect((await scene.call('POST', `/deployments/${id}/approve`, decision, secrets.approve)).status).toBe(200);
    expect((await scene.ending(id)).type).toBe('deploy.succeeded');
    const { body } = await scene.call('GET', `/deployments/${id}`);
    expect(body).toMatchObject({
      record: { approval: { by: 'maurice (token phone)' }, requested_by: 'agent 7 (token nucleus)' },
    });
    expect(await scene.waitFor('deploy.approved', id)).toMatchObject({ by: 'maurice (token phone)' });
    const refused = scene.host.log.filter((line) => line.includes('has not the scope'));
    expect(refused).toHaveLength(3);
    for (const secret of Object.values(secrets)) expect(scene.host.log.join('')).not.toContain(secret);
    await rm(folder, { recursive: true });
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
