import { eventually } from '@ops/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, docker, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

describe.skipIf(withoutEngine)('a service that is built', () => {
  const images = new TestImages();
  let scene: Scene;
  let base: string;
  beforeAll(async () => {
    base = await images.make('base', BEHAVIOUR.polite);
  });
  afterAll(async () => {
    await scene?.close();
    await docker('image', 'rm', '--force', `${scene.project}-web`);
    await images.remove();
  });
  const note = async () => docker('exec', `${scene.project}-web-1`, 'cat', '/note');

  test('is built anew when it is deployed, and says so meanwhile; what cannot be built is refused, and what runs goes on', async () => {
    scene = await Scene.open({ services: { web: { build: '.', restart: 'always', stop_grace_period: '1s' } } });
    const dockerfile = (more: string) => scene.file('Dockerfile', `FROM ${base}\nRUN sleep 2\nCOPY note /note\n${more}`);
    await dockerfile('');
    await scene.file('note', 'first\n');
    const id = await scene.request({ kind: 'compose', service: 'web' });
    await eventually(async () => {
      const { body } = await scene.call('GET', `/deployments/${id}`);
      expect(body).toMatchObject({ step: 'plan', doing: `builds ${scene.project}-web` });
    });
    const first = await scene.ending(id);
    expect(first.type, first.why).toBe('deploy.succeeded');
    expect((await scene.call('GET', `/deployments/${id}`)).body.doing).toBeNull();
    expect(await note()).toBe('first');
    await scene.file('note', 'second\n');
    const second = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(second.type, second.why).toBe('deploy.succeeded');
    expect(await note()).toBe('second');
    await dockerfile('RUN exit 3\n');
    const third = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(third, third.why).toMatchObject({ type: 'deploy.blocked', data: { findings: [{ code: 'image-missing' }] } });
    expect(await note()).toBe('second');
  }, 120_000);
});
