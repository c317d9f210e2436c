import { freePort } from '@ops/shared/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

describe.skipIf(withoutEngine)('a deployment, from the request to its verdict', () => {
  const images = new TestImages();
  let scene: Scene;
  let port: number;
  let v1: string;
  let v2: string;
  let bad: string;
  beforeAll(async () => {
    [v1, v2, bad] = await Promise.all([
      images.make('v1', BEHAVIOUR.polite),
      images.make('v2', BEHAVIOUR.polite),
      images.make('bad', BEHAVIOUR.crashAtStart),
    ]);
  });
  afterAll(() => images.remove());
  afterEach(() => scene?.close());

  const web = (image: string) => ({ web: { image, ports: [`127.0.0.1:${port}:8080`], restart: 'always' } });
  async function open() {
    port = await freePort();
    scene = await Scene.open({ services: web(v1), health: { web: { http: `http://127.0.0.1:${port}/health` } } });
  }

  test('that holds has succeeded, and runs what was asked for', async () => {
    await open();
    const first = await scene.deploy({ kind: 'compose', service: 'web', requested_by: 'nucleus' });
    expect(first, first.why).toMatchObject({ type: 'deploy.succeeded' });
    await scene.compose(web(v2));
    const id = await scene.request({ kind: 'compose', service: 'web' });
    expect((await scene.ending(id)).type).toBe('deploy.succeeded');
    expect(scene.story(id)).toEqual([
      ...['gate', 'plan', 'pre-flight', 'approval', 'backup'].map((step) => `deploy.step-finished ${step} done`),
      'deploy.started',
      ...['apply', 'verify', 'watch'].map((step) => `deploy.step-finished ${step} done`),
      'deploy.succeeded',
    ]);
    const containers = await scene.containers();
    expect(Object.keys(containers)).toEqual([`${scene.project}-web-1`]);
    expect(containers[`${scene.project}-web-1`]?.Image).toBe(await images.id(v2));
  });

  test('whose last words PostgreSQL cannot store is taken back, and says them', async () => {
    await open();
    expect((await scene.deploy({ kind: 'compose', service: 'web' })).type).toBe('deploy.succeeded');
    await scene.compose(web(await images.make('nul', "printf 'before\\000after\\n' >&2; exit 3")));
    const ended = await scene.deploy({ kind: 'compose', service: 'web', changes: 'a\0b' });
    expect(ended.type, ended.why).toBe('deploy.rolled-back');
    expect(JSON.stringify(ended.data.evidence)).toContain('before\u2400after');
  });

  test('that does not hold is taken back: the very container of before runs again', async () => {
    await open();
    expect((await scene.deploy({ kind: 'compose', service: 'web' })).type).toBe('deploy.succeeded');
    const before = await scene.containers();
    await scene.compose(web(bad));
    const ended = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(ended).toMatchObject({ type: 'deploy.rolled-back', data: { status: 'rolled-back', restored: ['web'] } });
    expect(JSON.stringify(ended.data.evidence)).toContain('cannot find my database');
    const after = await scene.containers();
    expect(Object.keys(after)).toEqual(Object.keys(before));
    const [was, is] = [Object.values(before)[0], Object.values(after)[0]];
    expect({ ...is, State: null }).toMatchObject({
      Id: was?.Id,
      Image: was?.Image,
      HostConfig: was?.HostConfig,
      Config: was?.Config,
    });
    expect(is?.State.Running).toBe(true);
  });
});
