import { freePort } from '@ops/shared/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, docker, TestImages, withoutEngine } from './engine.js';
import { type Inspected, Scene } from './scene.js';

const POLITE = { stop_grace_period: '2s' };

describe.skipIf(withoutEngine)('stacks', () => {
  const images = new TestImages();
  const image: Record<string, string> = {};
  let scene: Scene;
  beforeAll(async () => {
    for (const [name, behaviour] of Object.entries({
      v1: BEHAVIOUR.polite,
      v2: BEHAVIOUR.polite,
      bad: BEHAVIOUR.crashAtStart,
      slow: `sleep 1; ${BEHAVIOUR.polite}`,
      migrate: BEHAVIOUR.doesItsWork,
      migrateBadly: BEHAVIOUR.failsAtItsWork,
    }))
      image[name] = await images.make(name.toLowerCase(), behaviour);
  });
  afterEach(() => scene?.close());
  afterAll(() => images.remove());

  async function deployed(services: Readonly<Record<string, object>>, options: Partial<Parameters<typeof Scene.open>[0]> = {}) {
    scene = await Scene.open({ services, ...options });
    const first = await scene.deploy({ kind: 'compose', project: 'project' });
    expect(first.type, first.why).toBe('deploy.succeeded');
    return scene.containers();
  }
  const web = (containers: Record<string, Inspected>, service = 'web') => containers[`${scene.project}-${service}-1`];

  describe('of five services, one of which fails', () => {
    const NAMES = ['db', 'cache', 'api', 'worker', 'web'] as const;
    const NEEDS: Record<string, string[]> = { api: ['db', 'cache'], worker: ['db'], web: ['api'] };
    const five = (imageOf: (name: string) => string | undefined) =>
      Object.fromEntries(
        NAMES.map((name) => [name, { image: imageOf(name) ?? '', restart: 'always', depends_on: NEEDS[name] ?? [], ...POLITE }]),
      );

    test('all five return, whichever it is', async () => {
      const before = await deployed(five(() => image.v1));
      for (const failing of NAMES) {
        await scene.compose(five((name) => (name === failing ? image.bad : image.v2)));
        const ended = await scene.deploy({ kind: 'compose', project: 'project' });
        expect(ended, ended.why).toMatchObject({ type: 'deploy.rolled-back' });
        expect((ended.data.restored as string[]).toSorted()).toEqual([...NAMES].sort());
        const after = await scene.containers();
        expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
        for (const [name, one] of Object.entries(after))
          expect([name, one.Id, one.State.Running]).toEqual([name, before[name]?.Id, true]);
      }
    }, 180_000);
  });

  test('a migration that fails stops it before the new version takes traffic: the old one was never stopped', async () => {
    const port = await freePort();
    const stack = (app: string | undefined, migration: string | undefined) => ({
      migrate: { image: migration ?? '' },
      web: {
        image: app ?? '',
        restart: 'always',
        ports: [`127.0.0.1:${port}:8080`],
        depends_on: { migrate: { condition: 'service_completed_successfully' } },
        ...POLITE,
      },
    });
    const before = await deployed(stack(image.v1, image.migrate), {
      health: { web: { http: `http://127.0.0.1:${port}/health` } },
    });
    await scene.compose(stack(image.v2, image.migrateBadly));
    const ended = await scene.deploy({ kind: 'compose', project: 'project' });
    expect(ended, ended.why).toMatchObject({ type: 'deploy.rolled-back' });
    expect(ended.why).toContain('the migration is wrong');
    const after = await scene.containers();
    expect(web(after)).toMatchObject({ Id: web(before)?.Id, State: { StartedAt: web(before)?.State.StartedAt, Running: true } });
    expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
    await scene.compose(stack(image.v2, image.migrate));
    expect((await scene.deploy({ kind: 'compose', project: 'project' })).type).toBe('deploy.succeeded');
  });

  test('where two versions may run at once, the old one serves until the new one is proven', async () => {
    const one = (which: string | undefined) => ({ web: { image: which ?? '', restart: 'always', ...POLITE } });
    const before = await deployed(one(image.v1), {
      more: { web: { deploy: { two_versions: true } } },
      deploy: { verify: { within: '20s', healthy_for: '3s' } },
    });
    await scene.compose(one(image.slow));
    const id = await scene.request({ kind: 'compose', service: 'web' });
    await scene.waitFor('deploy.step-finished', id, { step: 'apply' });
    const during = Object.values(await scene.containers());
    expect(during.map(({ State }) => State.Running)).toEqual([true, true]);
    expect((await scene.ending(id)).type).toBe('deploy.succeeded');
    expect(Object.keys(await scene.containers())).toEqual(Object.keys(before));

    const good = web(await scene.containers());
    await scene.compose(one(image.bad));
    expect((await scene.deploy({ kind: 'compose', service: 'web' })).type).toBe('deploy.rolled-back');
    const after = await scene.containers();
    expect(web(after)).toMatchObject({ Id: good?.Id, State: { StartedAt: good?.State.StartedAt, Running: true } });
    expect(Object.keys(after)).toHaveLength(1);
  });

  test('volumes without a name go over to the new version, and back', async () => {
    const withVolume = await images.make('volume', BEHAVIOUR.polite, ['VOLUME /data']);
    const withVolume2 = await images.make('volume2', BEHAVIOUR.polite, ['VOLUME /data']);
    const badWithVolume = await images.make('volumebad', BEHAVIOUR.crashAtStart, ['VOLUME /data']);
    const one = (which: string) => ({ web: { image: which, restart: 'always', ...POLITE } });
    await deployed(one(withVolume));
    const name = `${scene.project}-web-1`;
    await docker('exec', name, 'sh', '-c', 'echo precious > /data/kept');
    await scene.compose(one(withVolume2));
    const ended = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(ended.type, ended.why).toBe('deploy.succeeded');
    expect(await docker('exec', name, 'cat', '/data/kept')).toBe('precious');
    await scene.compose(one(badWithVolume));
    const failed = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(failed.type, failed.why).toBe('deploy.rolled-back');
    expect(await docker('exec', name, 'cat', '/data/kept')).toBe('precious');
    expect(web(await scene.containers())?.Image).toBe(await images.id(withVolume2));
  });

  test('a restart is of the same container; a removal is of that service, and the others stay', async () => {
    const two = {
      web: { image: image.v1 ?? '', restart: 'always', ...POLITE },
      other: { image: image.v1 ?? '', restart: 'always', ...POLITE },
    };
    const before = await deployed(two);
    const restarted = await scene.deploy({ kind: 'restart', service: 'web' });
    expect(restarted.type, restarted.why).toBe('deploy.succeeded');
    const after = await scene.containers();
    expect(web(after)?.Id).toBe(web(before)?.Id);
    expect(web(after)?.State.StartedAt).not.toBe(web(before)?.State.StartedAt);
    const removed = await scene.deploy({ kind: 'remove', service: 'web' });
    expect(removed.type, removed.why).toBe('deploy.succeeded');
    expect(Object.values(await scene.containers()).map(({ Id }) => Id)).toEqual([web(before, 'other')?.Id]);
  });

  test('an image that is asked for runs, and stays until the files are deployed again', async () => {
    const one = { web: { image: image.v1 ?? '', restart: 'always', environment: { A: 'one' }, ...POLITE } };
    await deployed(one);
    const asked = await scene.deploy({ kind: 'image', service: 'web', image: image.v2 ?? '' });
    expect(asked.type, asked.why).toBe('deploy.succeeded');
    expect(web(await scene.containers())?.Image).toBe(await images.id(image.v2 ?? ''));
    await scene.compose({ web: { ...one.web, environment: { A: 'two' } } });
    const config = await scene.deploy({ kind: 'config', service: 'web' });
    expect(config.type, config.why).toBe('deploy.succeeded');
    expect(web(await scene.containers())).toMatchObject({
      Image: await images.id(image.v2 ?? ''),
      Config: { Env: expect.arrayContaining(['A=two']) },
    });
    expect((await scene.deploy({ kind: 'compose', service: 'web' })).type).toBe('deploy.succeeded');
    expect(web(await scene.containers())?.Image).toBe(await images.id(image.v1 ?? ''));
  });

  test('a service that somebody stopped is no one-shot: a deployment starts it, and one that cannot start is no success', async () => {
    const one = (command?: string) => ({
      web: { image: image.v1 ?? '', ...POLITE, ...(command === undefined ? {} : { command: ['sh', '-c', command] }) },
    });
    await deployed(one());
    await docker('stop', `${scene.project}-web-1`);
    const started = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(started.type, started.why).toBe('deploy.succeeded');
    expect(web(await scene.containers())?.State.Running).toBe(true);
    await docker('stop', `${scene.project}-web-1`);
    await scene.compose(one('exit 0'));
    const ended = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(ended, ended.why).toMatchObject({ type: 'deploy.rolled-back', data: { restored: [] } });
  });

  test('more replicas, and fewer again: as many as asked for run, or it is no success', async () => {
    const some = (replicas: number) => ({ web: { image: image.v1 ?? '', restart: 'always', deploy: { replicas }, ...POLITE } });
    await deployed(some(1));
    for (const replicas of [3, 1]) {
      await scene.compose(some(replicas));
      const ended = await scene.deploy({ kind: 'compose', service: 'web' });
      expect(ended.type, ended.why).toBe('deploy.succeeded');
      expect(Object.values(await scene.containers()).map(({ State }) => State.Running)).toEqual(Array(replicas).fill(true));
    }
  });

  test('a deployment of one service neither runs the migration again nor touches its neighbours, whatever the files say of them', async () => {
    const stack = (api: string | undefined, webImage: string | undefined) => ({
      migrate: { image: image.migrate ?? '' },
      api: { image: api ?? '', restart: 'always', ...POLITE },
      web: {
        image: webImage ?? '',
        restart: 'always',
        depends_on: { migrate: { condition: 'service_completed_successfully' }, api: { condition: 'service_started' } },
        ...POLITE,
      },
    });
    const before = await deployed(stack(image.v1, image.v1));
    await scene.compose(stack(image.v2, image.v2));
    const ended = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(ended.type, ended.why).toBe('deploy.succeeded');
    const after = await scene.containers();
    for (const service of ['api', 'migrate'])
      expect(web(after, service)).toMatchObject({
        Id: web(before, service)?.Id,
        State: { StartedAt: web(before, service)?.State.StartedAt },
      });
    expect(web(after)?.Image).toBe(await images.id(image.v2 ?? ''));
  });

  test('what runs as asked is proven, and nothing is touched', async () => {
    const before = await deployed({ web: { image: image.v1 ?? '', restart: 'always', ...POLITE } });
    const again = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(again.type, again.why).toBe('deploy.succeeded');
    expect(web(await scene.containers())).toMatchObject({
      Id: web(before)?.Id,
      State: { StartedAt: web(before)?.State.StartedAt },
    });
  });
});
