import { freePort } from '@ops/shared/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, TestImages, withoutEngine } from './engine.js';
import { HeldJournal } from './held-journal.js';
import { Scene } from './scene.js';

// `npm run proof:gate` takes every boundary; here it is every third.
const EVERY = Number(process.env.OPS_PROOF_ROUNDS ?? 0) > 0 ? 1 : 3;

describe.skipIf(withoutEngine)('the guard and deployments', () => {
  const images = new TestImages();
  const image: Record<string, string> = {};
  let scene: Scene;
  let port: number;
  beforeAll(async () => {
    for (const [name, behaviour] of Object.entries({
      one: BEHAVIOUR.polite,
      two: BEHAVIOUR.polite,
      bad: BEHAVIOUR.crashAfter(0.2),
    }))
      image[name] = await images.make(name, behaviour);
  });
  afterEach(() => scene?.close());
  afterAll(() => images.remove());
  const web = (which: string) => ({
    web: { image: image[which] ?? '', ports: [`127.0.0.1:${port}:8080`], restart: 'always', stop_grace_period: '2s' },
  });
  async function open(deploy: object = {}) {
    port = await freePort();
    scene = await Scene.open({ services: web('one'), deploy, health: { web: { http: `http://127.0.0.1:${port}/health` } } });
    const first = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(first.type, first.why).toBe('deploy.succeeded');
  }

  // Done when 5.
  test('it flips to critical at every boundary of the journal: nothing is started at critical or worse, and the way back still runs', async () => {
    await open({ defer: { every: '100ms', give_up_after: '1m' } });
    const journal = await HeldJournal.open(scene.host.databaseUrl);
    await scene.host.close();
    await scene.seen.close();
    await scene.start({ ...scene.host, databaseUrl: journal.url });
    let current = 'one';
    let boundaries = 0;
    for (const level of ['critical', 'emergency'] as const) {
      for (let boundary = level === 'critical' ? 1 : 2; ; boundary += EVERY) {
        const next = current === 'one' ? 'two' : 'one';
        await scene.compose(web(next));
        await scene.guard('normal');
        journal.reset();
        let flipped = 0;
        journal.at = async (at, phase) => {
          if (at !== boundary || phase !== 'after' || flipped > 0) return;
          await scene.guard(level);
          flipped = Date.now() / 1000;
        };
        const id = await scene.request({ kind: 'compose', service: 'web' });
        const ended = scene.ending(id).catch(() => undefined);
        const held = scene.waitFor('deploy.deferred', id).catch(() => undefined);
        const first = await Promise.race([ended, held]);
        if (flipped === 0) {
          if ((await ended)?.type === 'deploy.succeeded') current = next;
          break;
        }
        boundaries += 1;
        expect(await scene.created(flipped), `boundary ${boundary} at ${level}`).toEqual([]);
        await scene.guard('normal');
        const last = first !== undefined && 'type' in first && typeof first.type === 'string' ? first : await ended;
        journal.at = () => undefined;
        const type = String(last?.type);
        expect(['deploy.succeeded', 'deploy.rolled-back', 'deploy.blocked']).toContain(type);
        if (level === 'critical') expect(type).not.toBe('deploy.blocked');
        if (type === 'deploy.succeeded') current = next;
        const containers = Object.values(await scene.containers());
        const story = `boundary ${boundary} at ${level}: ${last?.why}\n${scene.story(id).join('\n')}`;
        expect(
          containers.map(({ Image, State }) => [Image, State.Running]),
          story,
        ).toEqual([[await images.id(image[current] ?? ''), true]]);
      }
    }
    process.stdout.write(`guard flipped at ${boundaries} boundaries\n`);
    expect(boundaries).toBeGreaterThan(20 / EVERY);
    await journal.close();
  }, 300_000);

  test('it flips while a bad version is watched: it is rolled back at critical', async () => {
    await open();
    await scene.compose(web('bad'));
    const id = await scene.request({ kind: 'compose', service: 'web' });
    await scene.waitFor('deploy.step-finished', id, { step: 'apply' });
    await scene.guard('critical');
    expect((await scene.ending(id)).type).toBe('deploy.rolled-back');
  });

  test('critical defers until it is over; emergency and unknown block', async () => {
    await open();
    await scene.compose(web('two'));
    await scene.guard('critical');
    const id = await scene.request({ kind: 'compose', service: 'web' });
    expect(await scene.waitFor('deploy.deferred', id)).toMatchObject({
      status: 'deferred',
      reason: expect.stringContaining('critical'),
    });
    await scene.guard('warn');
    expect((await scene.ending(id)).type).toBe('deploy.succeeded');
    for (const level of ['emergency', 'unknown'] as const) {
      await scene.guard(level);
      const ended = await scene.deploy({ kind: 'restart', service: 'web' });
      expect(ended, ended.why).toMatchObject({ type: 'deploy.blocked', data: { findings: [{ code: 'guard', found: level }] } });
    }
  });

  test('what waits for too long is given up, and documented', async () => {
    await open({ defer: { every: '100ms', give_up_after: '1s' } });
    await scene.guard('critical');
    const ended = await scene.deploy({ kind: 'restart', service: 'web' });
    expect(ended, ended.why).toMatchObject({ type: 'deploy.blocked', data: { findings: [{ code: 'expired' }] } });
    const { body } = await scene.call('GET', `/deployments/${String(ended.data.deployment_id)}`);
    expect(body).toMatchObject({ verdict: 'expired', record: { status: 'expired', touched: false } });
  });

  test('a freeze holds deployments until it is ended', async () => {
    await open();
    expect((await scene.call('POST', '/freeze', { by: 'maurice', reason: 'holidays' })).status).toBe(200);
    const id = await scene.request({ kind: 'restart', service: 'web' });
    expect(await scene.waitFor('deploy.deferred', id)).toMatchObject({ reason: expect.stringContaining('holidays') });
    expect((await scene.call('DELETE', '/freeze')).body).toEqual({ ended: true });
    expect((await scene.ending(id)).type).toBe('deploy.succeeded');
  });
});
