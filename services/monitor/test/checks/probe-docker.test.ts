import { createServer, type Server } from 'node:http';
import { eventually } from '@ops/shared/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type DockerScene, dockerScene, engineProxy } from './docker-scene.js';
import { listening } from './listening.js';
import { unwatch, watch } from './watched.js';

// A long interval: what comes sooner comes from the engine's events.
const RARELY = { interval: '60s', timeout: '5s', down_after: { failures: 1, of: 1 } };

describe.skipIf(process.env.OPS_TEST_DOCKER !== '1')('containers of a real engine', () => {
  let scene: DockerScene;
  beforeAll(async () => {
    scene = await dockerScene();
  });
  afterEach(unwatch);
  afterAll(() => scene.close());

  const becomes = (watched: ReturnType<typeof watch>, status: string) =>
    eventually(() => expect(watched.state('it').status).toBe(status), { within: 20_000 });
  const contained = (container: string, more: object = {}) => ({
    name: 'it',
    health: { docker: { container } },
    ...RARELY,
    ...more,
  });

  test('events tell of its death and its return long before the next check', async () => {
    const name = scene.name();
    const container = await scene.run(name);
    const watched = watch([contained(name)], scene.host);
    await becomes(watched, 'up');
    await container.kill();
    const killed = performance.now();
    await becomes(watched, 'down');
    expect(performance.now() - killed).toBeLessThan(5000);
    expect(watched.state('it').detail).toMatch(/exited \(exit code 137\)/);
    await container.start();
    await becomes(watched, 'up');
  });

  test('healthy, unhealthy and healthy again; while it starts, nobody can tell', async () => {
    const name = scene.name();
    const container = await scene.run(name, { healthy: true });
    const watched = watch([contained(name)], scene.host);
    await eventually(() => expect(watched.state('it').detail).toMatch(/starting/));
    expect(watched.state('it').status).toBe('unknown');
    await scene.setHealth(container, true);
    await becomes(watched, 'up');
    expect(watched.state('it').detail).toMatch(/healthy/);
    await scene.setHealth(container, false);
    await becomes(watched, 'down');
    expect(watched.state('it').detail).toMatch(/unhealthy/);
    await scene.setHealth(container, true);
    await becomes(watched, 'up');
  });

  test('paused, removed and made again under the same name', async () => {
    const name = scene.name();
    const container = await scene.run(name);
    const watched = watch([contained(name)], scene.host);
    await becomes(watched, 'up');
    await container.pause();
    await becomes(watched, 'down');
    expect(watched.state('it').detail).toMatch(/paused/);
    await container.unpause();
    await becomes(watched, 'up');
    await container.remove({ force: true });
    await eventually(() => expect(watched.state('it').detail).toMatch(/none of that name/));
    expect(watched.state('it').status).toBe('down');
    await scene.run(name);
    // It is seen at once; after two falls in a row it takes more than one good answer to be up.
    await eventually(() => expect(watched.state('it').detail).toMatch(/is running/));
  });

  test('a container that was renamed is there no longer, and the one that has the name now is', async () => {
    const [name, other] = [scene.name(), scene.name()];
    const container = await scene.run(name);
    const watched = watch([contained(name)], scene.host);
    await becomes(watched, 'up');
    await container.rename({ name: other });
    await becomes(watched, 'down');
    await container.rename({ name });
    await becomes(watched, 'up');
  });

  test('one whose name begins alike is another one', async () => {
    const name = scene.name();
    await scene.run(`${name}-2`);
    const watched = watch([contained(name)], scene.host);
    await becomes(watched, 'down');
  });

  test('a container that restarts again and again is not up', async () => {
    const name = scene.name();
    await scene.run(name, { command: ['false'], restart: true });
    const watched = watch([contained(name)], scene.host);
    await becomes(watched, 'down');
    await eventually(() => expect(watched.state('it').detail).toMatch(/restarted \d+ time/), { within: 20_000 });
  });

  describe('with an answer of its own', () => {
    let http: Server;
    let status = 200;
    let url = '';
    beforeAll(async () => {
      http = createServer((_request, response) => {
        response.statusCode = status;
        response.end('{"status":"ok"}');
      });
      url = `http://127.0.0.1:${await listening(http)}/`;
    });
    afterAll(() => {
      http.closeAllConnections();
      http.close();
    });
    const both = (container: string) => ({ name: 'it', health: { http: url }, container });

    test('the worse of the two counts', async () => {
      const name = scene.name();
      const container = await scene.run(name);
      status = 200;
      const watched = watch([both(name)], scene.host);
      await becomes(watched, 'up');
      await container.pause();
      await becomes(watched, 'down');
      expect(watched.state('it').detail).toMatch(/paused.*HTTP 200/);
      await container.unpause();
      await becomes(watched, 'up');
      status = 500;
      await becomes(watched, 'down');
      expect(watched.state('it').detail).toMatch(/HTTP 500/);
      status = 200;
    });

    test('a container that is just starting excuses a failure, not an answer', async () => {
      const name = scene.name();
      const container = await scene.run(name, { healthy: true });
      status = 503;
      const watched = watch([both(name)], scene.host);
      await eventually(() => expect(watched.state('it').detail).toMatch(/starting/));
      expect(watched.state('it').status).toBe('unknown');
      status = 200;
      await becomes(watched, 'up');
      await scene.setHealth(container, true);
      expect(watched.state('it').status).toBe('up');
    });

    test('without an engine its own answer counts alone', async () => {
      status = 200;
      const watched = watch([both('anything')], 'unix:///nowhere/docker.sock');
      await becomes(watched, 'up');
    });
  });

  test('an engine that goes and comes back is asked again, and everything is read anew', async () => {
    const name = scene.name();
    const container = await scene.run(name);
    const engine = await engineProxy(scene.host);
    const watched = watch([contained(name, { interval: '200ms', timeout: '500ms' })], engine.host);
    await becomes(watched, 'up');
    await engine.cut();
    try {
      // Not to be able to ask is not an outage.
      await becomes(watched, 'unknown');
      expect(watched.state('it').detail).toMatch(/engine/);
      await container.kill();
    } finally {
      await engine.mend();
    }
    await becomes(watched, 'down');
    expect(watched.changes).toEqual(['it: unknown -> up', 'it: up -> unknown', 'it: unknown -> down']);
    await unwatch();
    await engine.cut();
  });
});

describe('without an engine', () => {
  afterEach(unwatch);
  test.each([
    ['switched off', null, /switched off/],
    ['not there', 'unix:///nowhere/docker.sock', /no such file/],
    ['refusing', 'tcp://127.0.0.1:1', /refused/],
    ['of an unknown form', 'ssh://somebody@somewhere', /unix|form/],
  ])('%s: unknown, with the reason', async (_what, host, words) => {
    const watched = watch([{ name: 'it', health: { docker: { container: 'crm' } } }], host);
    await eventually(() => expect(watched.state('it').detail).toMatch(words));
    expect(watched.state('it').status).toBe('unknown');
  });
});
