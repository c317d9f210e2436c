import { createHash } from 'node:crypto';
import { chmod, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@ops/shared/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, docker, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

// Done when 3: the tag has moved, and .env, a mounted file and a label have changed; there is no registry. What comes back is byte-equal.
describe.skipIf(withoutEngine)('a rollback restores the release, not the tag', () => {
  const images = new TestImages();
  let scene: Scene;
  let port: number;
  let app: string;
  beforeAll(async () => {
    app = await images.make('latest', `cp /etc/app.conf /www/conf 2>/dev/null; ${BEHAVIOUR.polite}`);
  });
  afterEach(() => scene?.close());
  afterAll(() => images.remove());

  const services = (label: string, command?: string) => ({
    web: {
      image: app,
      restart: 'always',
      stop_grace_period: '2s',
      env_file: ['app.env'],
      environment: { GREETING: `\${GREETING}` },
      ports: [`127.0.0.1:${port}:8080`],
      volumes: ['./app.conf:/etc/app.conf:ro'],
      labels: { 'app.label': label },
      ...(command === undefined ? {} : { command: ['sh', '-c', command] }),
    },
  });

  async function files(version: string): Promise<void> {
    await scene.file('.env', `GREETING=hello ${version}\n`);
    await scene.file('app.env', `SECRET=secret-of-${version}\n`);
    await scene.file('app.conf', `conf ${version}\n`);
    await chmod(join(scene.folder, 'app.env'), 0o600);
  }

  async function everything() {
    const containers = await scene.containers();
    const [one] = Object.values(containers);
    const hashes: Record<string, string> = {};
    for (const name of ['.env', 'app.env', 'app.conf', 'compose.yaml']) {
      const path = join(scene.folder, name);
      hashes[name] = `${createHash('sha256')
        .update(await readFile(path))
        .digest('hex')} ${((await stat(path)).mode & 0o777).toString(8)}`;
    }
    return {
      names: Object.keys(containers),
      image: one?.Image,
      env: one?.Config.Env.toSorted(),
      labels: one?.Config.Labels,
      ports: one?.HostConfig.PortBindings,
      restart: one?.HostConfig.RestartPolicy,
      tag: await images.id(app),
      hashes,
      mounted: await docker('exec', one?.Id ?? '', 'cat', '/etc/app.conf'),
    };
  }

  async function released() {
    port = await freePort();
    scene = await Scene.open({ services: services('first'), health: { web: { http: `http://127.0.0.1:${port}/health` } } });
    await files('one');
    const first = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(first.type, first.why).toBe('deploy.succeeded');
    return everything();
  }

  async function changed(label: string, command?: string): Promise<void> {
    await files('two');
    app = await images.make('latest', BEHAVIOUR.polite);
    await scene.compose(services(label, command));
  }

  test('when the new version fails: image id, environment, files, labels and ports are as before', async () => {
    const before = await released();
    await changed('second', BEHAVIOUR.crashAfter(0.5));
    expect(await images.id(app)).not.toBe(before.tag);
    const ended = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(ended.type, ended.why).toBe('deploy.rolled-back');
    expect(await everything()).toEqual(before);
    // What was not wanted is not lost: it is in the snapshot of the deployment.
    const { record } = (await scene.call('GET', `/deployments/${String(ended.data.deployment_id)}`)).body as {
      record: { snapshot: string };
    };
    expect(await readFile(join(record.snapshot, 'manifest.json'), 'utf8')).toContain('app.conf');
    expect((await stat(record.snapshot)).mode & 0o077).toBe(0);
    expect(JSON.stringify(record)).not.toContain('secret-of');
  });

  test('what the container writes is data, and what lies outside of the project is of somebody else: a rollback leaves both', async () => {
    port = await freePort();
    const mounted = (more: object = {}) => ({
      web: {
        ...services('first').web,
        volumes: ['./app.conf:/etc/app.conf:ro', './data.db:/data.db', '/etc/hostname:/etc/host:ro'],
        ...more,
      },
    });
    scene = await Scene.open({ services: mounted(), health: { web: { http: `http://127.0.0.1:${port}/health` } } });
    await files('one');
    await scene.file('data.db', 'on monday');
    const first = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(first.type, first.why).toBe('deploy.succeeded');
    await scene.file('data.db', 'on friday');
    await scene.compose(
      mounted({ command: ['sh', '-c', 'exit 3'], volumes: ['./data.db:/data.db', '/etc/passwd:/etc/host:ro'] }),
    );
    const ended = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(ended.type, ended.why).toBe('deploy.rolled-back');
    expect(await readFile(join(scene.folder, 'data.db'), 'utf8')).toBe('on friday');
    for (const path of ['/etc/passwd', '/etc/hostname']) expect((await stat(path)).isFile()).toBe(true);
  });

  test('when it is asked for later, and the old container is gone: made again from the kept image and files', async () => {
    const before = await released();
    await changed('second');
    const second = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(second.type, second.why).toBe('deploy.succeeded');
    const after = await everything();
    expect(after).not.toEqual(before);
    const plan = await scene.call('POST', '/deployments', { kind: 'rollback', service: 'web', dry_run: true });
    const id = String(plan.body.deployment_id);
    const back = await scene.deploy({ kind: 'rollback', service: 'web', requested_by: 'maurice' });
    expect(back.type, back.why).toBe('deploy.succeeded');
    expect((await scene.call('GET', `/deployments/${id}`)).body).toMatchObject({
      verdict: 'planned',
      plan: { services: [{ change: 'replace' }] },
    });
    expect(await everything()).toEqual(before);
  });
});
