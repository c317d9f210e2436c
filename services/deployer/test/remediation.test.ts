import { eventually } from '@ops/shared/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

describe.skipIf(withoutEngine)('restarts by remediation', () => {
  const images = new TestImages();
  let scene: Scene;
  let image: string;
  beforeAll(async () => {
    image = await images.make('one', BEHAVIOUR.polite);
  });
  afterEach(() => scene?.close());
  afterAll(() => images.remove());

  const restart = { kind: 'restart', service: 'web' };
  const remediation = { ...restart, remediation: true, requested_by: 'nucleus' };
  const startedAt = async () => Object.values(await scene.containers()).map(({ State }) => Date.parse(State.StartedAt));

  test('the second one waits for its pause, also over a restart of the deployer; a person passes; past the ceiling it is blocked', async () => {
    const limits = { first_pause: '20s', factor: 2, longest_pause: '1m', ceiling: 2, within: '10m' };
    scene = await Scene.open({
      services: { web: { image, restart: 'always', stop_grace_period: '2s' } },
      deploy: { remediation: limits },
    });
    expect((await scene.deploy({ kind: 'compose', service: 'web' })).type).toBe('deploy.succeeded');

    const first = await scene.deploy(remediation);
    expect(first, first.why).toMatchObject({ type: 'deploy.succeeded' });
    expect(scene.story(String(first.data.deployment_id))).not.toContain('deploy.deferred');
    const firstEnd = Date.parse(String(first.data.timestamp));

    const second = await scene.request(remediation);
    const deferred = await scene.waitFor('deploy.deferred', second);
    const until = /waits until (\S+),/.exec(String(deferred.reason))?.[1] ?? '';
    // The end is stored a moment after it was said.
    expect(Date.parse(until) - firstEnd).toBeGreaterThanOrEqual(20_000);
    await scene.host.close();
    await scene.seen.close();
    await scene.start(scene.host);
    await eventually(async () =>
      expect((await scene.call('GET', `/deployments/${second}`)).body).toMatchObject({ status: 'waits for remediation' }),
    );

    const person = await scene.deploy(restart);
    expect(person, person.why).toMatchObject({ type: 'deploy.succeeded' });
    expect(scene.story(String(person.data.deployment_id))).not.toContain('deploy.deferred');
    expect((await scene.call('GET', `/deployments/${second}`)).body).toMatchObject({ status: 'waits for remediation' });

    const ended = await scene.ending(second);
    expect(ended, ended.why).toMatchObject({ type: 'deploy.succeeded' });
    for (const at of await startedAt()) expect(at).toBeGreaterThanOrEqual(Date.parse(until));

    const before = await startedAt();
    const third = await scene.deploy(remediation);
    expect(third, third.why).toMatchObject({
      type: 'deploy.blocked',
      data: { findings: [{ code: 'remediation-ceiling', found: '2 in the last 10 min' }] },
    });
    expect(await startedAt()).toEqual(before);
    const { body } = await scene.call('GET', `/deployments/${String(third.data.deployment_id)}`);
    expect(body).toMatchObject({ verdict: 'blocked', reason: expect.stringContaining('ceiling'), record: { status: 'blocked' } });
    expect((await scene.deploy(restart)).type).toBe('deploy.succeeded');
  }, 120_000);
});
