import { symlink, unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { freePort } from '@ops/shared/testing';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, docker, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

type Services = Readonly<Record<string, object>>;
interface Fault {
  readonly name: string;
  /** The services of the new version. */
  readonly services: () => Services | Promise<Services>;
  readonly more?: object;
  /** How it must end, and what the reason must say. */
  readonly ends: 'deploy.rolled-back' | 'deploy.blocked' | 'deploy.failed';
  readonly saying: RegExp;
  /** Something that happens once it has come so far. */
  readonly at?: {
    readonly event: 'deploy.started' | 'deploy.step-finished';
    readonly step?: string;
    readonly do: () => Promise<unknown>;
  };
}

// Done when 1: whatever goes wrong, nothing is called a success, and what ran before runs on or runs again: the very same container.
describe.skipIf(withoutEngine)('0 false successes over faults', () => {
  const images = new TestImages();
  const made: Record<string, string> = {};
  let scene: Scene;
  let port: number;
  let holder: Server;
  let heldPort: number;
  let original: string;
  let verdicts = 0;

  const web = (more: object, image = made.good ?? '') => ({
    web: { image, ports: [`127.0.0.1:${port}:8080`], restart: 'always', stop_grace_period: '2s', ...more },
  });
  const check = (path: string, more: object = {}) => ({
    healthcheck: {
      test: ['CMD', 'wget', '-q', '-O', '-', `http://127.0.0.1:8080${path}`],
      interval: '300ms',
      timeout: '1s',
      retries: 3,
      ...more,
    },
  });
  const runs = (command: string, more: object = {}) => web({ command: ['sh', '-c', command], ...more });

  beforeAll(async () => {
    made.v1 = await images.make('v1', BEHAVIOUR.polite);
    made.good = await images.make('good', BEHAVIOUR.polite);
    made.broken = await images.make('broken', BEHAVIOUR.polite, ['CMD ["/there/is/none"]']);
    port = await freePort();
    heldPort = await freePort();
    holder = createServer();
    await new Promise<void>((resolve) => holder.listen(heldPort, '127.0.0.1', resolve));
    scene = await Scene.open({
      services: web({}, made.v1),
      health: { web: { http: `http://127.0.0.1:${port}/health` } },
      deploy: { verify: { within: '6s', healthy_for: '300ms' }, watch: { for: '3s', failures: 3, every: '200ms' } },
    });
    const first = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(first.type, first.why).toBe('deploy.succeeded');
    original = Object.values(await scene.containers())[0]?.Id ?? '';
  }, 60_000);
  afterAll(async () => {
    await scene?.close();
    await new Promise((resolve) => holder.close(resolve));
    await images.remove();
  });

  const faults: Fault[] = [
    {
      name: 'it crashes at its start',
      services: () => runs(BEHAVIOUR.crashAtStart),
      ends: 'deploy.rolled-back',
      saying: /exit code 3|restarted/,
    },
    {
      name: 'it crashes at its start and is not restarted',
      services: () => runs(BEHAVIOUR.crashAtStart, { restart: 'no' }),
      ends: 'deploy.rolled-back',
      saying: /exit code 3/,
    },
    {
      name: 'it ends at once with exit code 0',
      services: () => runs('exit 0', { restart: 'no' }),
      ends: 'deploy.rolled-back',
      saying: /exit code 0/,
    },
    {
      name: 'it crashes once it has been healthy',
      services: () => runs(BEHAVIOUR.crashAfter(2)),
      ends: 'deploy.rolled-back',
      saying: /exit code 4|restarted/,
    },
    {
      name: 'it crashes shortly before the watch ends',
      services: () => runs(BEHAVIOUR.crashAfter(3)),
      ends: 'deploy.rolled-back',
      saying: /exit code 4|restarted/,
    },
    {
      name: 'it crashes again and again, without a health check',
      services: () => runs('sleep 1; exit 1'),
      ends: 'deploy.rolled-back',
      saying: /exit code 1|restarted/,
    },
    {
      name: 'Docker finds it unhealthy',
      services: () => web(check('/nothing')),
      ends: 'deploy.rolled-back',
      saying: /unhealthy/,
    },
    {
      name: 'its health check never ends',
      services: () =>
        web({ healthcheck: { test: ['CMD', 'sleep', '1000'], interval: '500ms', timeout: '600s', start_period: '600s' } }),
      ends: 'deploy.rolled-back',
      saying: /not proven healthy within 6000 ms/,
    },
    {
      name: 'its health check fails within a start period that outlasts the window',
      services: () => web(check('/nothing', { start_period: '600s' })),
      ends: 'deploy.rolled-back',
      saying: /not proven healthy within 6000 ms/,
    },
    {
      name: 'it runs and answers nothing',
      services: () => runs(BEHAVIOUR.deaf),
      ends: 'deploy.rolled-back',
      saying: /not proven healthy.*its check says/,
    },
    { name: 'it answers its check with 404', services: () => runs(BEHAVIOUR.sick), ends: 'deploy.rolled-back', saying: /404/ },
    {
      name: 'it becomes sick once it has been healthy',
      services: () => runs(BEHAVIOUR.sickAfter(2)),
      ends: 'deploy.rolled-back',
      saying: /404.*in a row/,
    },
    {
      name: 'its program is not there',
      services: () => web({}, made.broken),
      ends: 'deploy.rolled-back',
      saying: /docker compose up failed.*no such file/,
    },
    {
      name: 'it takes more memory than it may',
      services: () => runs('x=x; while :; do x=$$x$$x$$x$$x; done', { mem_limit: '16m', memswap_limit: '16m' }),
      ends: 'deploy.rolled-back',
      saying: /memory|137|restarted/,
    },
    {
      name: 'a network that it needs is not there',
      services: () => web({ networks: ['elsewhere'] }),
      more: { networks: { elsewhere: { external: true, name: 'ops-no-such-network' } } },
      ends: 'deploy.rolled-back',
      saying: /network/,
    },
    {
      name: 'somebody removes it while it is watched',
      services: () => web({ labels: { again: 'yes' } }),
      ends: 'deploy.rolled-back',
      saying: /0 of 1 containers|ended/,
      at: { event: 'deploy.step-finished', step: 'verify', do: () => docker('rm', '--force', `${scene.project}-web-1`) },
    },
    {
      name: 'its digest is wrong',
      services: () => web({}, `${made.good}@sha256:${'0'.repeat(64)}`),
      ends: 'deploy.blocked',
      saying: /image-missing/,
    },
    {
      name: 'its image is not there',
      services: () => web({}, `${images.prefix}:none`),
      ends: 'deploy.blocked',
      saying: /image-missing/,
    },
    {
      name: 'a process of the host has its port',
      services: () => web({ ports: [`127.0.0.1:${heldPort}:8080`] }),
      ends: 'deploy.blocked',
      saying: new RegExp(`port-taken.*pid ${process.pid}`),
    },
    {
      name: 'another container has its port',
      services: async () => {
        const taken = await freePort();
        await docker(
          'run',
          '--detach',
          '--name',
          `${images.prefix}-holder`,
          '--publish',
          `127.0.0.1:${taken}:8080`,
          made.good ?? '',
        );
        return web({ ports: [`${taken}:8080`] });
      },
      ends: 'deploy.blocked',
      saying: /port-taken.*-holder/,
    },
    {
      name: 'it reserves more than the host has',
      services: () => web({ deploy: { resources: { reservations: { memory: '900G' } } } }),
      ends: 'deploy.blocked',
      saying: /unschedulable/,
    },
    {
      name: 'its health check cannot be in time',
      services: () => web(check('/health', { interval: '30s' })),
      ends: 'deploy.blocked',
      saying: /health-too-slow/,
    },
    {
      name: 'a variable is not set',
      services: () => web({ environment: { A: '$NOT_SET_ANYWHERE' } }),
      ends: 'deploy.blocked',
      saying: /unset-variable.*NOT_SET_ANYWHERE/,
    },
    {
      name: 'a secret stands in its files',
      services: () => web({ environment: { GITHUB: `ghp_${'wJ3k9Qz1'.repeat(4)}5678` } }),
      ends: 'deploy.blocked',
      saying: /secret-in-file.*compose\.yaml:\d+/,
    },
    {
      name: 'its Compose file is none',
      services: () => ({ web: { imaje: 'x' } }),
      ends: 'deploy.blocked',
      saying: /compose-invalid/,
    },
  ];

  test.each(faults)('$name', async ({ services, more, ends, saying, at }) => {
    await scene.compose(await services(), more);
    const id = await scene.request({ kind: 'compose', service: 'web' });
    if (at !== undefined) {
      await scene.waitFor(at.event, id, at.step === undefined ? {} : { step: at.step });
      await at.do();
    }
    const ended = await scene.ending(id);
    expect(ended.type, ended.why).toBe(ends);
    expect(ended.why).toMatch(saying);
    const containers = Object.values(await scene.containers());
    expect(containers.map(({ Id, Name, State }) => [Id, Name, State.Running])).toEqual([
      [original, `/${scene.project}-web-1`, true],
    ]);
    expect(await (await fetch(`http://127.0.0.1:${port}/health`)).text()).toBe('ok\n');
    const { record } = (await scene.call('GET', `/deployments/${id}`)).body as { record: Record<string, unknown> };
    expect(record).toMatchObject({ deployment_id: id, status: ends.replace('deploy.', ''), action: 'compose', service: 'web' });
    verdicts += 1;
    await execa('docker', ['rm', '--force', `${images.prefix}-holder`], { reject: false });
  });

  test('a Compose file that leads out of the project, also by a link, is refused', async () => {
    await symlink('/etc/hostname', join(scene.folder, 'linked.yaml'));
    for (const file of ['linked.yaml', '../compose.yaml', '/etc/passwd']) {
      const ended = await scene.deploy({ kind: 'compose', service: 'web', compose_files: [file] });
      expect(ended, ended.why).toMatchObject({ type: 'deploy.blocked', data: { findings: [{ code: 'outside-project' }] } });
      verdicts += 1;
    }
    await unlink(join(scene.folder, 'linked.yaml'));
  });

  test('these were at least twenty', () => expect(verdicts).toBeGreaterThanOrEqual(20));

  test('the disk is full during the backup: nothing is touched', async () => {
    const folder = join(scene.home, 'deployments');
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
    try {
      await scene.file('large.conf', 'x'.repeat(4_000_000));
      await scene.compose(web({ volumes: ['./large.conf:/etc/large.conf:ro'] }));
      const ended = await scene.deploy({ kind: 'compose', service: 'web' });
      expect(ended, ended.why).toMatchObject({ type: 'deploy.failed', data: { touched: false, rollback: 'not-needed' } });
      expect(ended.why).toContain('ENOSPC');
      expect(Object.values(await scene.containers()).map(({ Id }) => Id)).toEqual([original]);
      verdicts += 1;
    } finally {
      await execa('umount', [folder]);
    }
  });
});
