import { eventually, freePort } from '@ops/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, TestImages, withoutEngine } from './engine.js';
import type { Phase } from './held-journal.js';
import { KilledDeployer } from './killed-deployer.js';
import { Scene } from './scene.js';

// How often each boundary is tried; `npm run proof:kill` sets 20. Without it, a spread of them once.
const ROUNDS = Number(process.env.OPS_PROOF_ROUNDS ?? 0);

// Done when 4: kill -9 at every boundary of the journal. What is left is the old version or the new one, whole and healthy.
describe.skipIf(withoutEngine)('kill -9 of the deployer at every journal boundary', () => {
  const images = new TestImages();
  let scene: Scene;
  let deployer: KilledDeployer;
  let port: number;
  const version: Record<string, string> = {};

  const services = (image: string) => ({
    web: {
      image,
      ports: [`127.0.0.1:${port}:8080`],
      restart: 'always',
      stop_grace_period: '2s',
      healthcheck: { test: ['CMD', 'wget', '-q', '-O', '-', 'http://127.0.0.1:8080/health'], interval: '300ms', retries: 3 },
      depends_on: ['store'],
    },
    store: { image, restart: 'always', stop_grace_period: '2s' },
  });

  beforeAll(async () => {
    const behaviours = { one: BEHAVIOUR.polite, two: BEHAVIOUR.polite, bad: BEHAVIOUR.crashAtStart };
    for (const [name, behaviour] of Object.entries(behaviours)) version[name] = await images.make(name, behaviour);
    port = await freePort();
    scene = await Scene.open({
      services: services(version.one ?? ''),
      health: { web: { http: `http://127.0.0.1:${port}/health` } },
      deploy: { watch: { for: '700ms', failures: 3, every: '200ms' } },
      settings: { bus: { lease: '1s' } },
    });
    const first = await scene.deploy({ kind: 'compose', project: 'project' });
    expect(first.type, first.why).toBe('deploy.succeeded');
    deployer = await KilledDeployer.open(scene);
  }, 60_000);
  afterAll(async () => {
    await deployer?.close();
    await scene?.close();
    await images.remove();
  }, 60_000);

  let current = 'one';
  /** One deployment that is cut at a boundary; undefined where it ended before it came there. */
  async function cut(wanted: 'good' | 'bad', boundary: number, phase: Phase): Promise<string | undefined> {
    const next = wanted === 'bad' ? 'bad' : current === 'one' ? 'two' : 'one';
    await scene.compose(services(version[next] ?? ''));
    const { id, type, reached, why, tookMs } = await deployer.cutAt(boundary, phase, 60_000);
    expect(type, why).toBe(wanted === 'bad' ? 'deploy.rolled-back' : 'deploy.succeeded');
    if (wanted === 'good') current = next;
    expect(tookMs).toBeLessThan(60_000);
    const image = await images.id(version[current] ?? '');
    const containers = Object.values(await scene.containers());
    const seen = containers.map(({ Name, Image, State }) => [Name, Image, State.Running]).sort();
    expect(seen).toEqual(['store', 'web'].map((name) => [`/${scene.project}-${name}-1`, image, true]));
    expect(await (await fetch(`http://127.0.0.1:${port}/health`)).text()).toBe('ok\n');
    expect(scene.story(id).filter((one) => one.split(' ')[0] === type)).toHaveLength(1);
    const { record } = (await read(`/deployments/${id}`)) as { record: object };
    expect(record).toMatchObject({ deployment_id: id, status: type.replace('deploy.', '') });
    return reached ? id : undefined;
  }

  async function read(path: string): Promise<unknown> {
    return eventually(async () => {
      const address = JSON.parse(
        deployer.running.log
          .join('')
          .split('\n')
          .find((line) => line.includes('"address"')) ?? '{}',
      ) as { address?: string };
      return (await fetch(`${address.address}${path}`)).json();
    });
  }

  for (const wanted of ['good', 'bad'] as const) {
    test(`a deployment that is ${wanted}`, async () => {
      let tried = 0;
      const rounds = Math.max(ROUNDS, 1);
      for (let round = 0; round < rounds; round += 1) {
        for (let boundary = 1; ; boundary += ROUNDS > 0 ? 1 : 5) {
          const phases: readonly Phase[] = ROUNDS > 0 ? ['before', 'after'] : [boundary % 2 === 0 ? 'before' : 'after'];
          let reached = false;
          for (const phase of phases) reached = (await cut(wanted, boundary, phase)) !== undefined || reached;
          if (!reached) break;
          tried += 1;
        }
      }
      process.stdout.write(`kill -9: ${wanted}: ${tried} boundaries\n`);
      expect(tried).toBeGreaterThan(3);
    }, 3_600_000);
  }
});
