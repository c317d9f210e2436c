import { eventually, freePort } from '@ops/shared/testing';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, docker, rows, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';
import { killsInASwarm } from './swarm-kill.js';
import { beginSwarm, endSwarm, specsOf, swarmWeb } from './swarm-scene.js';

// A real Swarm of one node on the engine of the tests.
describe.skipIf(withoutEngine)('a deployment to a Swarm', () => {
  const images = new TestImages();
  const v: Record<string, string> = {};
  let scene: Scene;
  let port: number;

  beforeAll(async () => {
    const behaviours = {
      one: BEHAVIOUR.polite,
      two: BEHAVIOUR.polite,
      crash: BEHAVIOUR.crashAtStart,
      sick: BEHAVIOUR.sick,
      later: BEHAVIOUR.crashAfter(1),
      migrates: BEHAVIOUR.doesItsWork,
      wrong: BEHAVIOUR.failsAtItsWork,
    };
    for (const [name, behaviour] of Object.entries(behaviours)) v[name] = await images.make(name, behaviour);
  }, 60_000);
  afterAll(() => images.remove());
  afterEach(async () => {
    if (scene === undefined) return;
    await execa('docker', ['stack', 'rm', scene.project], { reject: false });
    await scene.close();
  });

  const deploy = { restart_policy: { condition: 'any', delay: '500ms' } };
  const web = (image: string | undefined, more: object = {}) => swarmWeb(image, port, more);
  const store = (image: string | undefined, more: object = {}) => ({ image, stop_grace_period: '2s', deploy, ...more });

  async function open(services: (port: number) => Record<string, object>, expected = 'deploy.succeeded') {
    port = await freePort();
    scene = await Scene.open({
      services: services(port),
      health: { web: { http: `http://127.0.0.1:${port}/health` } },
      deploy: { verify: { within: '30s', healthy_for: '300ms' }, watch: { for: '2s', failures: 3, every: '200ms' } },
    });
    const first = await scene.deploy({ kind: 'compose', project: 'project', orchestrator: 'swarm' }, 60_000);
    expect(first.type, `${first.why}\n${scene.lastWords()}`).toBe(expected);
    return first;
  }

  const specs = () => specsOf(scene.project);
  const again = () => scene.deploy({ kind: 'compose', project: 'project' }, 90_000);

  test('is refused where there is no Swarm, and nothing is touched', async () => {
    const blocked = await open(() => ({ web: web(v.one) }), 'deploy.blocked');
    expect(blocked.why).toContain('no-swarm');
  });

  describe('where there is one', () => {
    beforeAll(beginSwarm);
    afterAll(endSwarm);

    test('that holds has succeeded: every node is told the image by its id; another one is rolled out the same way', async () => {
      await open(() => ({ web: web(v.one), store: store(v.one) }));
      await scene.compose({ web: web(v.two), store: store(v.one) });
      const id = await scene.request({ kind: 'compose', project: 'project' });
      const second = await scene.ending(id, 60_000);
      expect(second.type, second.why).toBe('deploy.succeeded');
      expect(scene.story(id)).toEqual([
        ...['gate', 'plan', 'pre-flight', 'approval', 'backup'].map((step) => `deploy.step-finished ${step} done`),
        'deploy.started',
        ...['apply', 'verify', 'watch'].map((step) => `deploy.step-finished ${step} done`),
        'deploy.succeeded',
      ]);
      const now = await specs();
      expect(now.web?.TaskTemplate.ContainerSpec.Image).toBe(await images.id(v.two ?? ''));
      expect(now.store?.TaskTemplate.ContainerSpec.Image).toBe(await images.id(v.one ?? ''));
      expect(await (await fetch(`http://127.0.0.1:${port}/health`)).text()).toBe('ok\n');
      // The same again: nothing to do, and proven all the same.
      const third = await again();
      expect(third.type, third.why).toBe('deploy.succeeded');
      expect(await specs()).toEqual(now);
      const strange = () => scene.seen.events.filter(({ event }) => event?.type === 'security.detected');
      expect(strange()).toEqual([]);
      // What comes just after a deployment is taken for its doing.
      const over = Date.now() + 6000;
      await expect.poll(() => Date.now(), { timeout: 10_000 }).toBeGreaterThan(over);
      // Stopped by hand through the Swarm: said at once, and as drift.
      await docker('service', 'scale', '--detach', `${scene.project}_store=0`);
      await expect
        .poll(() => JSON.stringify(strange()), { timeout: 15_000 })
        .toContain(`service ${scene.project}_store of store was changed`);
      expect(strange()).toHaveLength(1);
      await expect
        .poll(async () => JSON.stringify((await scene.call('GET', '/drift')).body), { timeout: 15_000 })
        .toContain('is gone');
    }, 120_000);

    test.for(
      rows(1, [
        ['crashes at its start', 'crash', 'cannot find my database'],
        ['ends while it is watched', 'later', 'out of luck'],
        ['answers 404 to its health check', 'sick', ''],
      ] as const),
    )(
      'that %s is taken back: every service has the very specification of before',
      { timeout: 150_000 },
      async ([, image, words]) => {
        await open(() => ({ web: web(v.one, { environment: { COLOUR: 'red' } }), store: store(v.one) }));
        const before = await specs();
        await scene.compose({
          web: web(v[image], { environment: { COLOUR: 'blue' }, labels: { a: 'b' } }),
          store: store(v.two),
          added: store(v.two),
        });
        const ended = await again();
        expect(ended.type, `${ended.why}\n${scene.lastWords()}`).toBe('deploy.rolled-back');
        expect(JSON.stringify(ended.data.evidence)).toContain(words);
        expect(await specs()).toEqual(before);
        expect(await (await fetch(`http://127.0.0.1:${port}/health`)).text()).toBe('ok\n');
      },
    );

    test('a migration that fails stops it before anything else changes', async () => {
      const app = (image: string | undefined) =>
        web(image, { depends_on: { migrate: { condition: 'service_completed_successfully' } } });
      await open(() => ({ web: app(v.one), migrate: { image: v.migrates } }));
      const before = await specs();
      await scene.compose({ web: app(v.two), migrate: { image: v.wrong } });
      const ended = await again();
      expect(ended.type, ended.why).toBe('deploy.rolled-back');
      expect(ended.why).toContain('migrate');
      expect(await specs()).toEqual(before);
    }, 120_000);

    test('a restart, a removal, and back to the release of before', async () => {
      await open(() => ({ web: web(v.one), store: store(v.one) }));
      const before = await specs();
      const tasks = async () =>
        (await docker('service', 'ps', '--quiet', '--filter', 'desired-state=running', `${scene.project}_web`)).split('\n');
      const task = await tasks();
      const restarted = await scene.deploy({ kind: 'restart', service: 'web' }, 60_000);
      expect(restarted.type, restarted.why).toBe('deploy.succeeded');
      expect(await tasks()).not.toEqual(task);
      await scene.compose({ web: web(v.two), store: store(v.one) });
      expect((await again()).type).toBe('deploy.succeeded');
      const back = await scene.deploy({ kind: 'rollback', service: 'web' }, 60_000);
      expect(back.type, back.why).toBe('deploy.succeeded');
      expect((await specs()).web?.TaskTemplate.ContainerSpec).toEqual(before.web?.TaskTemplate.ContainerSpec);
      const removed = await scene.deploy({ kind: 'remove', service: 'store' }, 60_000);
      expect(removed.type, removed.why).toBe('deploy.succeeded');
      expect(Object.keys(await specs())).toEqual(['web']);
    }, 180_000);

    describe('kill -9 of the deployer', killsInASwarm);

    test('what somebody changes by hand is drift, and the next deployment puts it right', async () => {
      await open(() => ({ web: web(v.one), store: store(v.one) }));
      const before = await specs();
      await docker('service', 'update', '--detach', '--env-add', 'BY=hand', `${scene.project}_web`);
      await docker('service', 'scale', '--detach', `${scene.project}_store=2`);
      const replicas = () => docker('service', 'ls', '--format', '{{.Replicas}}', '--filter', `name=${scene.project}_store`);
      await expect.poll(replicas, { timeout: 30_000 }).toBe('2/2');
      const drift = async () => JSON.stringify((await scene.call('GET', '/drift')).body.drift);
      await expect.poll(drift, { timeout: 15_000 }).toContain('web.1 has another configuration');
      const ended = await again();
      expect(ended.type, `${ended.why}\n${scene.lastWords()}`).toBe('deploy.succeeded');
      expect(await specs()).toEqual(before);
      expect(await drift()).toBe('[]');
    }, 120_000);

    test('configs have the content that was planned; a release comes back with its own, one-shots too', async () => {
      const config = { configs: [{ source: 'site', target: '/site' }] };
      const files = { configs: { site: { file: './site' } } };
      const all = (migrate: string | undefined, config: object = {}) => ({
        web: web(v.one, { ...config, depends_on: { migrate: { condition: 'service_completed_successfully' } } }),
        migrate: { image: migrate, ...config },
      });
      await open(() => all(v.migrates));
      const write = async (content: string, migrate: string | undefined) => {
        await scene.file('site', content);
        await scene.compose(all(migrate, config), files);
        const ended = await again();
        expect(ended.type, ended.why).toBe('deploy.succeeded');
      };
      const content = async () => {
        const [id] = (
          await docker('ps', '--quiet', '--filter', `label=com.docker.swarm.service.name=${scene.project}_web`)
        ).split('\n');
        return docker('exec', id ?? '', 'cat', '/site');
      };
      await write('first', v.migrates);
      const first = await specs();
      await write('second', await images.make('migrates-again', BEHAVIOUR.doesItsWork));
      expect(await content()).toBe('second');
      const back = await scene.deploy({ kind: 'rollback', project: 'project' }, 90_000);
      expect(back.type, back.why).toBe('deploy.succeeded');
      expect(await content()).toBe('first');
      expect((await specs()).web?.TaskTemplate.ContainerSpec).toEqual(first.web?.TaskTemplate.ContainerSpec);
    }, 180_000);

    test('what a Swarm would do otherwise than the files say is refused', async () => {
      await open(() => ({ web: web(v.one) }));
      const before = await specs();
      await scene.compose({ web: web(v.one, { ports: [`127.0.0.1:${port}:8080`] }) });
      const blocked = await again();
      expect(blocked).toMatchObject({ type: 'deploy.blocked' });
      expect(blocked.why).toContain('a Swarm publishes on all of them');
      await scene.compose({ web: web(v.one) });
      const other = await scene.deploy({ kind: 'compose', project: 'project', orchestrator: 'compose' });
      expect(other.why).toContain('other-orchestrator');
      expect(await specs()).toEqual(before);
      // Once all of it is removed, the other one may carry it.
      expect((await scene.deploy({ kind: 'remove', project: 'project' }, 60_000)).type).toBe('deploy.succeeded');
      await eventually(() => docker('network', 'rm', `${scene.project}_default`));
      const over = await scene.deploy({ kind: 'compose', project: 'project', orchestrator: 'compose' }, 60_000);
      expect(over.type, over.why).toBe('deploy.succeeded');
      expect(Object.keys(await scene.containers())).toEqual([`${scene.project}-web-1`]);
    }, 60_000);
  });
});
