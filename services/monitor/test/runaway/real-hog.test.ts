import { freemem } from 'node:os';
import type { EventData } from '@ops/shared/events';
import { eventually, type OwnPostgres, type OwnRedis, ownPostgres, ownRedis, type Recorder, recorder } from '@ops/shared/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openHostSampler } from '../../src/host/open-sampler.js';
import { type GuardedHost, growUntilEnded, guardedHost, shareOf } from './guarded-host.js';
import { endHogs, startHogOf } from './hog.js';
import { ownGroup } from './own-group.js';
import { type TrialScene, trialScene } from './trial-scene.js';
import { hogAmongDecoys, slowToFree } from './trials.js';

// All that puts the memory of this machine over a threshold is in one file: two at once would measure each other.
// As many trials as `npm test` has time for; the proof has 50 and 20 (real-hog.proof.ts).
const [TRIALS, SLOW] = [2, 1];
const group = ownGroup();
const run = String(process.pid);
const HOG = `hog-${run}`.slice(0, 15);

const MIB = 2 ** 20;
const isRoomy = process.platform === 'linux' && freemem() > 6144 * MIB;

// The kernel keeps as much as an eighth of the memory in lists of the CPUs for minutes, and MemAvailable leaves them out.
test.runIf(isRoomy)('what two large processes have given back is free at once', { timeout: 60_000 }, async () => {
  const sampler = await openHostSampler({ scope: 'host', mounts: [] });
  const used = () => {
    const sample = sampler.sample();
    return sample.ok ? (sample.ramUsedBytes ?? Number.NaN) : Number.NaN;
  };
  try {
    const before = used();
    await Promise.all(['one', 'two'].map((name) => startHogOf(`${name}-${run}`, { mebibytes: 1024 })));
    await eventually(() => expect(used()).toBeGreaterThan(before + 1200 * MIB));
    const grown = used();
    await endHogs();
    await eventually(() => expect(used()).toBeLessThan(grown - 1400 * MIB));
  } finally {
    await endHogs();
    sampler.close();
  }
});

// Needs a memory control group (version 1, as root): on the whole host the decoys would have to hold 10 GiB. The proof does that.
describe.runIf(!group.isWholeHost)('a real hog on a real host', () => {
  let scene: TrialScene;
  beforeAll(async () => {
    scene = await trialScene(run, group);
  });
  afterAll(() => scene.close());

  test('is ended among decoys that hold as much, and nobody else is', { timeout: 120_000 }, async () => {
    for (let trial = 0; trial < TRIALS; trial += 1) await hogAmongDecoys(scene, run);
    expect(scene.ended()).toEqual([]);
  });

  test('that gives its memory back slowly is the only one that is ended', { timeout: 120_000 }, async () => {
    for (let trial = 0; trial < SLOW; trial += 1) await slowToFree(scene.servers, run);
  });
});

describe.runIf(process.platform === 'linux')('Redis and PostgreSQL are both stopped', () => {
  let redis: OwnRedis;
  let postgres: OwnPostgres;
  let host: GuardedHost;
  beforeEach(async () => {
    [redis, postgres] = await Promise.all([ownRedis(), ownPostgres()]);
    host = await guardedHost({ redisUrl: redis.url, databaseUrl: postgres.url }, group, {
      runaway: `eligible: { names: [${HOG}] }, ram: { min_share: ${shareOf(group, 100)}, grace: 500ms }`,
      calm: '6s',
    });
  });
  afterEach(async () => {
    await endHogs();
    await host.close();
    await Promise.all([redis.close(), postgres.close()]);
  });

  async function backAgain(): Promise<Recorder> {
    await Promise.all([redis.start(), postgres.start()]);
    return recorder(redis.url, ['ops:alerts']);
  }
  /** The alerts of one kind, by the level that they are of. */
  const levelsOf = (alerts: Recorder, type: 'alert.raised' | 'alert.cleared') =>
    alerts.events.flatMap(({ event }) => {
      const data = event?.type === type ? (event.data as EventData<'alert.raised'>) : undefined;
      return data?.metric === 'guard-level' ? [data.threshold] : [];
    });

  test('a memory hog is ended all the same, and the whole story is told when they are back: nothing missing, nothing twice', {
    timeout: 120_000,
  }, async () => {
    await Promise.all([redis.stop(), postgres.stop()]);
    const hog = await startHogOf(HOG, { mebibytes: 16, through: group.into });
    await growUntilEnded(hog, host, group);
    expect(hog.child.signalCode).toBe('SIGTERM');
    const alerts = await backAgain();

    // The level is kept for its calm time: the emergency that they come back to is an alert.
    await eventually(() => expect(levelsOf(alerts, 'alert.raised')).toContain('emergency'), { within: 30_000 });
    await eventually(() => expect(host.said('guard.level-changed').at(-1)?.level).toBe('normal'), { within: 60_000 });
    // On its way down it may pass through the levels between, each of which is an alert of its own.
    await eventually(() => expect(levelsOf(alerts, 'alert.cleared').sort()).toEqual(levelsOf(alerts, 'alert.raised').sort()), {
      within: 30_000,
    });
    expect(levelsOf(alerts, 'alert.raised').filter((level) => level === 'emergency')).toHaveLength(1);
    await alerts.close();

    expect(host.said('guard.runaway-handled')).toMatchObject([
      { mode: 'on', result: 'terminated', by: 'signals', victim: { pid: hog.pid, name: HOG } },
    ]);
    const changes = host.said('guard.level-changed');
    expect(changes.map(({ level }) => level)).toContain('emergency');
    // A chain without a gap: each begins where the one before it ended, and none is there twice.
    for (const [index, { from, generation }] of changes.entries()) {
      const before = changes[index - 1];
      if (before === undefined) continue;
      expect(from).toBe(before.level);
      expect(generation).toBeGreaterThan(before.generation);
    }
  });
});

afterAll(() => group.close());
