import { eventually } from '@ops/shared/testing';
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { docker } from './engine.js';
import { PostgresImage, withoutPostgres } from './postgres-image.js';
import { Scene } from './scene.js';

// The PostgreSQL that keeps the journal runs in a container of the project that is deployed.
describe.skipIf(withoutPostgres !== undefined)('the server that the deployer works with', () => {
  const postgres = new PostgresImage();
  let scene: Scene | undefined;
  afterAll(async () => {
    await scene?.close();
    await postgres.remove();
  });

  test('is not deployed, restarted or removed: there would be no journal to go on from', async () => {
    await postgres.make();
    const db = (more: object = {}) => ({ db: { image: postgres.name, stop_grace_period: '2s', ...more } });
    scene = await Scene.open({ services: db() });
    const first = await scene.deploy({ kind: 'compose', service: 'db' });
    expect(first.type, first.why).toBe('deploy.succeeded');
    const before = await scene.containers();
    const [container] = Object.values(before);
    const address = await docker(
      'inspect',
      '--format',
      '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}',
      container?.Id ?? '',
    );
    const databaseUrl = `postgres://postgres@${address}:5432/postgres`;
    const { redisUrl } = scene.host;
    await eventually(async () => {
      const client = new pg.Client(databaseUrl);
      await client.connect();
      await client.end();
    });
    await scene.host.close();
    await scene.start({ redisUrl, databaseUrl });
    await scene.compose(db({ labels: { other: 'yes' } }));
    for (const kind of ['compose', 'restart', 'remove'] as const) {
      const ended = await scene.deploy({ kind, service: 'db' });
      expect(ended, ended.why).toMatchObject({
        type: 'deploy.blocked',
        data: { findings: [{ code: 'own-server', where: 'db' }] },
      });
    }
    expect(await scene.containers()).toEqual(before);
  }, 90_000);
});
