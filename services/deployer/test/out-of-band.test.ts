import { mkdir } from 'node:fs/promises';
import { eventually } from '@ops/shared/testing';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ContainerChange, isOurs, judgeChange, NO_TRAIL } from '../src/decide/out-of-band.js';
import { BEHAVIOUR, docker, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

describe('who changed it', () => {
  const change = (action: string, at = 0): ContainerChange => ({
    id: 'a',
    name: 'web-1',
    folder: '/p',
    service: 'web',
    action,
    at,
  });

  test('a container ends and is restarted by itself; a kill through the API is of somebody', () => {
    const died = judgeChange(change('die'), NO_TRAIL, null);
    expect(died.what).toBeUndefined();
    expect(judgeChange(change('start'), died.trail, null).what).toBeUndefined();
    const killed = judgeChange(change('kill', 1), NO_TRAIL, null);
    expect(killed.what).toBe('stopped or killed');
    const after = judgeChange(change('die', 2), killed.trail, null);
    expect(judgeChange(change('start', 3), after.trail, null).what).toBe('started');
  });

  test('a health check is no exec of anybody', () => {
    expect(judgeChange(change('exec_create: wget -q http://x'), NO_TRAIL, 'wget -q http://x').what).toBeUndefined();
    expect(judgeChange(change('exec_create: sh'), NO_TRAIL, 'wget -q http://x').what).toBe('entered (exec)');
  });

  test.each([
    ['apply', null, 'web-1', true],
    ['watch', null, 'web-1', false],
    ['watch', null, 'web-1.ops-0a1b2c3d', true],
    ['watch', 1000, 'web-1', true],
    ['watch', 60_000, 'web-1', false],
  ])('at step %s, ended %s ms ago, %s: ours is %s', (step, endedMsAgo, name, ours) => {
    expect(isOurs({ name }, { step, touched: true, endedMsAgo })).toBe(ours);
  });
});

describe.skipIf(withoutEngine)('direct changes of production', () => {
  const images = new TestImages();
  let scene: Scene;
  let image: string;
  let slow: string;
  beforeAll(async () => {
    image = await images.make('one', BEHAVIOUR.polite);
    slow = await images.make('slow', BEHAVIOUR.slowToEnd);
  });
  afterEach(() => scene?.close());
  afterAll(() => images.remove());
  const services = (of = image) => ({
    web: {
      image: of,
      restart: 'always',
      stop_grace_period: '2s',
      healthcheck: { test: ['CMD', 'wget', '-q', '-O', '-', 'http://127.0.0.1:8080/health'], interval: '300ms' },
    },
  });
  const detected = () =>
    scene.seen.events
      .filter(({ event }) => event?.type === 'security.detected')
      .map(({ event }) => event?.data as Record<string, unknown>);

  test('each is said, with who and what; deployments and health checks are not', async () => {
    // It takes its time to stop, so that whoever stops it can be seen.
    scene = await Scene.open({ services: services(slow) });
    expect((await scene.deploy({ kind: 'compose', service: 'web' })).type).toBe('deploy.succeeded');
    expect((await scene.deploy({ kind: 'restart', service: 'web' })).type).toBe('deploy.succeeded');
    const name = `${scene.project}-web-1`;
    // What was done a moment ago could be the deployment's own.
    await eventually(
      async () => {
        await docker('exec', name, 'sleep', '0.3');
        expect(detected().at(-1)).toMatchObject({ kind: 'out-of-band-change', service: 'web', what: `entered (exec): ${name}` });
      },
      { within: 30_000 },
    );
    const before = detected();
    expect(before.map(({ what }) => what)).toEqual(before.map(() => `entered (exec): ${name}`));
    // Who entered it a moment before is not who stopped it. Other tests have clients of their own meanwhile.
    const entering = execa('docker', ['exec', name, 'sleep', '0.5']);
    await entering;
    const stopping = execa('docker', ['stop', name]);
    await stopping;
    const [entered, stopped] = await eventually(() => {
      const last = detected().slice(-2);
      expect(last.map(({ what }) => what)).toEqual([`entered (exec): ${name}`, `stopped or killed: ${name}`]);
      return last.map(({ who }) => String(who));
    });
    expect(entered).toContain(`: docker exec (pid ${entering.pid})`);
    expect(stopped).toContain(`: docker stop (pid ${stopping.pid})`);
    expect(stopped).not.toContain(`(pid ${entering.pid})`);
    await docker('start', name);
    await eventually(() => expect(detected().at(-1)).toMatchObject({ what: `started: ${name}` }));
    await docker('rm', '--force', name);
    await eventually(() => expect(detected().at(-1)?.what).toContain('removed'));
    expect((await scene.call('GET', '/drift')).body).toEqual({
      drift: [expect.objectContaining({ service: 'web', what: 'its container is gone' })],
    });
    const repaired = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(repaired.type, repaired.why).toBe('deploy.succeeded');
    expect((await scene.call('GET', '/drift')).body).toEqual({ drift: [] });
  }, 60_000);

  test('what runs already, as its files say, is adopted: the first deployment has a way back, files too', async () => {
    scene = await Scene.open({ services: { web: { ...services().web, volumes: ['./app.conf:/etc/app.conf:ro'] } } });
    await scene.host.close();
    await scene.seen.close();
    await scene.file('app.conf', 'as it was\n');
    await execa('docker', ['compose', 'up', '-d'], { cwd: scene.folder });
    await mkdir(scene.home, { recursive: true });
    await scene.start(scene.host);
    await eventually(async () =>
      expect((await scene.call('GET', '/releases?service=web')).body).toMatchObject({ releases: [{ current: true }] }),
    );
    const before = Object.values(await scene.containers())[0]?.Id;
    await scene.file('app.conf', 'as it should not be\n');
    await scene.compose({
      web: { ...services().web, command: ['sh', '-c', 'exit 1'], volumes: ['./app.conf:/etc/app.conf:ro'] },
    });
    const ended = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(ended.type, ended.why).toBe('deploy.rolled-back');
    expect(Object.values(await scene.containers())[0]?.Id).toBe(before);
    expect(await docker('exec', `${scene.project}-web-1`, 'cat', '/etc/app.conf')).toBe('as it was');
  }, 60_000);
});
