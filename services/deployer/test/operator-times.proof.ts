import { freePort } from '@ops/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

// Done when 1, with an operator's own windows (`npm run proof:times`, some ten minutes): 60 s to be proven, five minutes of watch.
const AS_SHIPPED = { verify: {}, watch: {}, defer: {}, guard_unknown_for: '30s' };

describe.skipIf(withoutEngine)('0 false successes in the windows as they are shipped', () => {
  const images = new TestImages();
  let scene: Scene;
  let port: number;
  let good: string;

  const web = (image: string, more: object = {}) => ({
    web: { image, ports: [`127.0.0.1:${port}:8080`], restart: 'always', stop_grace_period: '2s', ...more },
  });
  const found = async () => Object.values(await scene.containers()).map(({ Id, State }) => [Id, State.Running]);

  beforeAll(async () => {
    good = await images.make('good', BEHAVIOUR.polite);
    port = await freePort();
    scene = await Scene.open({
      services: web(good),
      health: { web: { http: `http://127.0.0.1:${port}/health` } },
      deploy: AS_SHIPPED,
    });
  }, 60_000);
  afterAll(async () => {
    await scene?.close();
    await images.remove();
  }, 60_000);

  test('one that holds is watched for five minutes, and only then called a success', async () => {
    const id = await scene.request({ kind: 'compose', service: 'web' });
    const ended = await scene.ending(id, 400_000);
    expect(ended.type, ended.why).toBe('deploy.succeeded');
    const { watch_until, finished_at, created_at } = (await scene.call('GET', `/deployments/${id}`)).body as Record<
      string,
      string
    >;
    const at = (time: string | undefined) => Date.parse(time ?? '');
    expect(at(finished_at)).toBeGreaterThanOrEqual(at(watch_until));
    expect(at(watch_until) - at(created_at)).toBeGreaterThanOrEqual(300_000);
  }, 420_000);

  const DEFAULT_TIMES = { healthcheck: { test: ['CMD', 'wget', '-q', '-O', '-', 'http://127.0.0.1:8080/none'] } };
  const HANGS = { healthcheck: { test: ['CMD', 'sleep', '3600'], interval: '5s', timeout: '30s' } };
  test.each([
    ['crashes 9 s in', BEHAVIOUR.crashAfter(9), {}, 'watch'],
    ['crashes 90 s in', BEHAVIOUR.crashAfter(90), {}, 'watch'],
    ['fails its health check, with Docker’s default times', BEHAVIOUR.polite, DEFAULT_TIMES, 'verify'],
    ['has a health check that never ends', BEHAVIOUR.polite, HANGS, 'verify'],
  ])(
    'a version that %s',
    async (name, behaviour, more, step) => {
      const before = await found();
      await scene.compose(web(await images.make(`v-${name.length}`, behaviour), more));
      const ended = await scene.deploy({ kind: 'compose', service: 'web' }, 400_000);
      expect(ended, ended.why).toMatchObject({ type: 'deploy.rolled-back', data: { step } });
      expect(await found()).toEqual(before);
    },
    420_000,
  );
});
