import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STREAMS } from '@ops/shared/events';
import { eventually, recorder, type TestHost, testHost } from '@ops/shared/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { deploymentIdOf } from '../src/on/deploy-requested.js';
import { deployer } from '../src/wiring.js';
import { BEHAVIOUR, dockerHost, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

// Done when 6.
describe.skipIf(withoutEngine)('requests and deployers', () => {
  const images = new TestImages();
  const image: Record<string, string> = {};
  let scene: Scene;
  const others: TestHost[] = [];
  const folders: string[] = [];
  beforeAll(async () => {
    for (const name of ['one', 'two', 'three']) image[name] = await images.make(name, BEHAVIOUR.polite);
  });
  afterEach(async () => {
    for (const host of others.splice(0)) await host.close();
    await scene?.close();
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  });
  afterAll(() => images.remove());
  const web = (which: string) => ({ web: { image: image[which] ?? '', restart: 'always', stop_grace_period: '2s' } });
  const event = (id: string, service: string) => ({
    specversion: '1.0',
    id,
    source: '/nucleus',
    type: 'deploy.requested',
    subject: service,
    time: new Date().toISOString(),
    data: { kind: 'compose', service },
  });

  async function more(count: number): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      const home = await mkdtemp(join(tmpdir(), 'ops-another-'));
      folders.push(home);
      others.push(await testHost([deployer], { yaml: scene.yaml, home, dockerHost, servers: scene.host }));
    }
  }

  test('the same event 100 times to four deployers: one execution', async () => {
    scene = await Scene.open({ services: web('one') });
    await more(3);
    const began = Date.now() / 1000;
    const text = JSON.stringify(event('the-one', 'web'));
    await Promise.all(Array.from({ length: 100 }, () => scene.host.redis.xadd(STREAMS.deploys, '*', 'event', text)));
    const id = deploymentIdOf({ source: '/nucleus', id: 'the-one' });
    expect((await scene.ending(id)).type).toBe('deploy.succeeded');
    // All of them have been read.
    await eventually(async () => {
      const [group] = (await scene.host.redis.xinfo('GROUPS', STREAMS.deploys)) as unknown[][];
      expect(group?.[group.indexOf('pending') + 1]).toBe(0);
      expect(group?.[group.indexOf('lag') + 1]).toBe(0);
    });
    const { body } = await scene.call('GET', '/deployments');
    expect(body.deployments).toHaveLength(1);
    expect(scene.story(id).filter((one) => one.startsWith('deploy.started'))).toHaveLength(1);
    expect(await scene.created(began)).toHaveLength(1);
  }, 90_000);

  test('requests for one project: in order, none lost, and the later ones say that they stand in line', async () => {
    scene = await Scene.open({ services: web('one') });
    await more(2);
    const ids: string[] = [];
    for (let at = 0; at < 4; at += 1) {
      await scene.host.redis.xadd(STREAMS.deploys, '*', 'event', JSON.stringify(event(`request-${at}`, 'web')));
      ids.push(deploymentIdOf({ source: '/nucleus', id: `request-${at}` }));
    }
    for (const id of ids) expect((await scene.ending(id, 60_000)).type).toBe('deploy.succeeded');
    for (const id of ids.slice(1)) expect(scene.story(id)[0]).toBe('deploy.deferred');
    const ends = scene.seen.events.flatMap(({ event: one }) => {
      const { deployment_id } = (one?.data ?? {}) as { deployment_id?: string };
      return one?.type === 'deploy.started' || one?.type === 'deploy.succeeded' ? [`${one.type} ${deployment_id}`] : [];
    });
    expect(ends).toEqual(ids.flatMap((id) => [`deploy.started ${id}`, `deploy.succeeded ${id}`]));
  }, 90_000);

  test('with a DOCKER_HOST that is not understood the service runs all the same, and says what is expected', async () => {
    const home = await mkdtemp(join(tmpdir(), 'ops-ssh-'));
    folders.push(home);
    const host = await testHost([deployer], { home, dockerHost: 'ssh://somewhere' });
    others.push(host);
    expect(host.hosted.missing()).toEqual({ deployer: [] });
    expect(host.log.join('')).toContain('expected unix:// or tcp://');
  });

  test('while the engine is away a request waits, and says so; nothing is lost', async () => {
    scene = await Scene.open({ services: web('one') });
    await scene.host.close();
    await scene.seen.close();
    const folder = await mkdtemp(join(tmpdir(), 'ops-away-'));
    folders.push(folder);
    await mkdir(join(folder, 'home'));
    const away = await testHost([deployer], {
      yaml: scene.yaml,
      home: join(folder, 'home'),
      dockerHost: `unix://${join(folder, 'none.sock')}`,
      servers: scene.host,
    });
    scene.host = away;
    scene.seen = await recorder(away.redisUrl, ['ops:deploys']);
    const id = await scene.request({ kind: 'compose', service: 'web' });
    expect(await scene.waitFor('deploy.deferred', id)).toMatchObject({
      reason: expect.stringContaining('engine does not answer'),
    });
    await away.close();
    await scene.seen.close();
    await scene.start(away);
    expect((await scene.ending(id)).type).toBe('deploy.succeeded');
  }, 90_000);
});
