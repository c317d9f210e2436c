import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@ops/shared/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, docker, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

// With `keep: 1`: the release that runs, one to go back to, and the latest one that did not hold.
describe.skipIf(withoutEngine)('what old deployments leave behind', () => {
  const images = new TestImages();
  const made: Record<string, string> = {};
  let scene: Scene;
  beforeAll(async () => {
    for (const name of ['one', 'two', 'three']) made[name] = await images.make(name, BEHAVIOUR.polite);
    for (const name of ['bad', 'worse']) made[name] = await images.make(name, BEHAVIOUR.crashAtStart);
  });
  afterAll(() => images.remove());
  afterEach(() => scene?.close());

  const web = (name: string) => ({ web: { image: made[name], restart: 'always', stop_grace_period: '1s' } });
  async function deploy(name: string, expected: string): Promise<string> {
    await scene.compose(web(name));
    const ended = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(ended.type, ended.why).toBe(expected);
    return String(ended.data.deployment_id);
  }
  const keptImages = async () =>
    (await docker('image', 'ls', '--quiet', '--no-trunc', '--filter', `reference=ops-keep/${scene.project}/*`)).split('\n');

  test('goes with the next success, but for the kept releases and the latest that did not hold', async () => {
    scene = await Scene.open({ services: web('one'), deploy: { keep: 1 } });
    const one = await deploy('one', 'deploy.succeeded');
    const bad = await deploy('bad', 'deploy.rolled-back');
    const worse = await deploy('worse', 'deploy.rolled-back');
    const folders = join(scene.home, 'deployments');
    expect(await readdir(folders)).toEqual(expect.arrayContaining([one, bad, worse]));
    const two = await deploy('two', 'deploy.succeeded');
    await eventually(async () => expect((await readdir(folders)).sort()).toEqual([one, two, worse].sort()));
    const three = await deploy('three', 'deploy.succeeded');
    await eventually(async () => expect((await readdir(folders)).sort()).toEqual([two, three, worse].sort()));
    const ids = await Promise.all(['two', 'three'].map((name) => images.id(made[name] ?? '')));
    await eventually(async () => expect((await keptImages()).sort()).toEqual(ids.sort()));
    // What is kept is whole: one can go back to it, and no further.
    const back = await scene.deploy({ kind: 'rollback', service: 'web' });
    expect(back.type, back.why).toBe('deploy.succeeded');
    expect(Object.values(await scene.containers())[0]?.Image).toBe(await images.id(made.two ?? ''));
    const further = await scene.deploy({ kind: 'rollback', service: 'web', release: one });
    expect(further.why).toContain('unknown-release');
    const { record } = (await scene.call('GET', `/deployments/${bad}`)).body;
    expect(record).toMatchObject({ deployment_id: bad, status: 'rolled-back' });
    expect(existsSync(join(folders, worse))).toBe(true);
  }, 120_000);
});
