import { freePort } from '@ops/shared/testing';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BEHAVIOUR, rows, TestImages } from './engine.js';
import type { Phase } from './held-journal.js';
import { KilledDeployer } from './killed-deployer.js';
import { Scene } from './scene.js';
import { specsOf, swarmWeb } from './swarm-scene.js';

// The boundaries of a deployment's journal; the first rows are those around the change, and the way back.
const BOUNDARIES = [12, 16, 14, 13, 15, 17, 18, 19, 20, 21, 22, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];

const SURELY_THERE = 16;

/** As kill.test.ts, of deployments to a Swarm that is there: what is left is the specifications of before or the new ones, running and healthy. */
export function killsInASwarm(): void {
  const images = new TestImages();
  const v: Record<string, string> = {};
  let scene: Scene;
  let deployer: KilledDeployer;
  let port: number;
  let current = 'one';

  const services = (image: string | undefined) => ({ web: swarmWeb(image, port) });

  beforeAll(async () => {
    const behaviours = { one: BEHAVIOUR.polite, two: BEHAVIOUR.polite, bad: BEHAVIOUR.crashAtStart };
    for (const [name, behaviour] of Object.entries(behaviours)) v[name] = await images.make(name, behaviour);
    port = await freePort();
    scene = await Scene.open({
      services: services(v.one),
      health: { web: { http: `http://127.0.0.1:${port}/health` } },
      deploy: { verify: { within: '30s', healthy_for: '300ms' }, watch: { for: '700ms', failures: 3, every: '200ms' } },
      settings: { bus: { lease: '1s' } },
    });
    const first = await scene.deploy({ kind: 'compose', project: 'project', orchestrator: 'swarm' }, 60_000);
    expect(first.type, first.why).toBe('deploy.succeeded');
    deployer = await KilledDeployer.open(scene);
  }, 120_000);
  afterAll(async () => {
    await deployer?.close();
    await execa('docker', ['stack', 'rm', scene?.project ?? 'none'], { reject: false });
    await scene?.close();
    await images.remove();
  }, 60_000);

  test.for(rows(1, BOUNDARIES))(
    'at boundary %i: a version that holds, and one that does not',
    { timeout: 300_000 },
    async (boundary) => {
      for (const [wanted, phase] of [
        ['good', boundary % 2 === 0 ? 'before' : 'after'],
        ['bad', boundary % 2 === 0 ? 'after' : 'before'],
      ] as const)
        await cut(wanted, boundary, phase);
    },
  );

  async function cut(wanted: 'good' | 'bad', boundary: number, phase: Phase): Promise<void> {
    const next = wanted === 'bad' ? 'bad' : current === 'one' ? 'two' : 'one';
    const before = await specsOf(scene.project);
    await scene.compose(services(v[next]));
    const { id, type, reached, why } = await deployer.cutAt(boundary, phase, 90_000);
    expect(type, why).toBe(wanted === 'bad' ? 'deploy.rolled-back' : 'deploy.succeeded');
    // The last boundaries are those of long ways only; the others must be there, or nothing was tried.
    if (boundary <= SURELY_THERE) expect(reached).toBe(true);
    if (wanted === 'good') current = next;
    const now = await specsOf(scene.project);
    if (wanted === 'bad') expect(now).toEqual(before);
    expect(now.web?.TaskTemplate.ContainerSpec.Image).toBe(await images.id(v[current] ?? ''));
    expect(await (await fetch(`http://127.0.0.1:${port}/health`)).text()).toBe('ok\n');
    expect(scene.story(id).filter((one) => one.split(' ')[0] === type)).toHaveLength(1);
  }
}
