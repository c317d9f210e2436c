import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

const SECRET = 'canary-of-a-hook-4711';

describe.skipIf(withoutEngine)('hooks', () => {
  const images = new TestImages();
  let scene: Scene;
  const image: Record<string, string> = {};
  beforeAll(async () => {
    image.one = await images.make('one', BEHAVIOUR.polite);
    image.two = await images.make('two', BEHAVIOUR.polite);
    image.moved = await images.make('moved', BEHAVIOUR.polite);
    image.bad = await images.make('bad', BEHAVIOUR.crashAtStart);
  });
  afterEach(() => scene?.close());
  afterAll(() => images.remove());
  const web = (which: string, labels: object = {}) => ({
    web: { image: image[which] ?? '', restart: 'always', stop_grace_period: '2s', environment: { TOKEN: SECRET }, labels },
  });

  /** A service with these hooks, each a shell script; deployed once without effect. */
  async function open(scripts: Readonly<Record<string, string>>, within = '5s') {
    const command = (name: string) => ({ command: [`./${name}`], within });
    const hooks = Object.fromEntries(Object.keys(scripts).map((name) => [name, command(name)]));
    scene = await Scene.open({ services: web('one'), more: { web: { deploy: { hooks } } } });
    await write(Object.fromEntries(Object.keys(scripts).map((name) => [name, 'exit 0'])));
    const first = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(first.type, first.why).toBe('deploy.succeeded');
    await write(scripts);
  }
  async function write(scripts: Readonly<Record<string, string>>) {
    for (const [name, script] of Object.entries(scripts)) {
      await scene.file(name, `#!/bin/sh\n${script}\n`);
      await chmod(join(scene.folder, name), 0o755);
    }
  }
  const recordOf = async (id: unknown) =>
    ((await scene.call('GET', `/deployments/${String(id)}`)).body as { record: Record<string, unknown> }).record;

  test('run with the facts of the deployment, and what they write is kept without secrets', async () => {
    await open({
      pre_deploy: `env | grep ^OPS_ > facts; echo "the token is ${SECRET}, in base64 ${Buffer.from(SECRET).toString('base64')}"`,
      post_deploy: 'echo after; exit 7',
    });
    await scene.compose(web('two'));
    const ended = await scene.deploy({ kind: 'compose', service: 'web', requested_by: 'maurice' });
    expect(ended.type, ended.why).toBe('deploy.succeeded');
    const facts = await readFile(join(scene.folder, 'facts'), 'utf8');
    for (const fact of [
      'OPS_HOOK=pre-deploy',
      'OPS_SERVICE=web',
      'OPS_REQUESTED_BY=maurice',
      `OPS_IMAGE_ID=${await images.id(image.two ?? '')}`,
    ])
      expect(facts).toContain(`${fact}\n`);
    expect(facts).not.toMatch(/OPS_TOKEN|DATABASE_URL/);
    expect(await recordOf(ended.data.deployment_id)).toMatchObject({
      hooks: [
        { hook: 'pre-deploy', service: 'web', ok: true, output: 'the token is [redacted], in base64 [redacted]' },
        { hook: 'post-deploy', service: 'web', ok: false, output: 'after' },
      ],
    });
  });

  test.each([
    ['that fails', 'echo "not on a Friday"; exit 3', /pre-deploy hook of web: it ended with exit code 3/],
    ['that does not end', 'sleep 100', /it had not ended after 1000 ms/],
    ['that writes without end', 'while :; do echo yes; done', /not ended/],
  ])('a pre-deploy hook %s refuses the deployment', async (_what, script, why) => {
    await open({ pre_deploy: script }, '1s');
    const before = await scene.containers();
    await scene.compose(web('two'));
    const ended = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(ended, ended.why).toMatchObject({
      type: 'deploy.blocked',
      data: { findings: [{ code: 'hook-failed', found: expect.stringMatching(why) }] },
    });
    expect(Object.values(await scene.containers()).map(({ Id }) => Id)).toEqual(Object.values(before).map(({ Id }) => Id));
  });

  test('a rollback has hooks of its own, and does not wait for one that fails', async () => {
    await open({ pre_rollback: 'echo before; exit 1', post_rollback: 'echo after' });
    await scene.compose(web('bad'));
    const ended = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(ended.type, ended.why).toBe('deploy.rolled-back');
    expect(await recordOf(ended.data.deployment_id)).toMatchObject({
      hooks: [
        { hook: 'pre-rollback', ok: false },
        { hook: 'post-rollback', ok: true },
      ],
    });
  });

  test('what was planned is what is started: a tag that moves is a failure, a file that changes is not seen', async () => {
    await open({ pre_deploy: `docker tag ${image.two} ${image.moved}` });
    await scene.compose(web('moved'));
    // The hook has no DOCKER_HOST of ours: it asks the engine by its address.
    await write({ pre_deploy: `DOCKER_HOST=${process.env.DOCKER_HOST} docker tag ${image.two} ${image.moved}` });
    const moved = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(moved.type, moved.why).toBe('deploy.rolled-back');
    expect(moved.why).toContain('runs image');
    await scene.compose(web('one', { version: 'planned' }));
    await write({ pre_deploy: 'sed -i s/planned/sneaked-in/ compose.yaml' });
    const changed = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(changed.type, changed.why).toBe('deploy.succeeded');
    expect(Object.values(await scene.containers())[0]?.Config.Labels).toMatchObject({ version: 'planned' });
  });
});
