import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ownGroup, wholeHost } from './own-group.js';
import { type TrialScene, trialScene } from './trial-scene.js';
import { containerWithoutItsRule, freedIntoLists, hogAmongDecoys, nice19, slowToFree } from './trials.js';

const run = `p${process.pid}`;

const shown = (figures: number[]) => {
  const sorted = figures.sort((a, b) => a - b);
  return `${sorted.length} trials, ${sorted[0]} / ${sorted[Math.floor(sorted.length / 2)]} / ${sorted.at(-1)} ms`;
};

describe('on the whole host, with containers among the decoys', () => {
  let scene: TrialScene;
  beforeAll(async () => {
    // More than a hog ever holds: 9 GiB are needed.
    scene = await trialScene(run, wholeHost(), { decoyMebibytes: 1000, containers: true });
  }, 180_000);
  afterAll(() => scene?.close(), 60_000);

  test('50 real hogs among decoys: always the hog, nobody else', { timeout: 900_000 }, async () => {
    const took: number[] = [];
    for (let trial = 0; trial < 50; trial += 1) took.push(await hogAmongDecoys(scene, run));
    process.stdout.write(`hogs among decoys: ${shown(took)} from the decision to the end\n`);
    expect(scene.ended()).toEqual([]);
  });

  // The last one: it costs a decoy.
  test('and a container that is no longer in the inventory is ended before the hog', { timeout: 120_000 }, async () => {
    await containerWithoutItsRule(scene, run);
  });
});

describe('on the whole host, where the kernel keeps freed memory in lists', () => {
  let scene: TrialScene;
  beforeAll(async () => {
    scene = await trialScene(`f${run}`, wholeHost());
  }, 60_000);
  afterAll(() => scene?.close(), 60_000);

  test('10 hogs whose memory is free and not counted as available: one kill each', { timeout: 600_000 }, async () => {
    const all: Awaited<ReturnType<typeof freedIntoLists>>[] = [];
    for (let trial = 0; trial < 10; trial += 1) all.push(await freedIntoLists(scene.servers, run));
    const took = shown(all.map(({ tookMs }) => tookMs));
    const misled = all.filter(({ looksUsed }) => looksUsed).length;
    process.stdout.write(
      `freed into lists: ${took} from the decision to the end; ${misled} times an emergency by MemAvailable alone\n`,
    );
    expect(misled).toBeGreaterThan(0);
  });
});

describe('in a memory control group', () => {
  const group = ownGroup();
  let scene: TrialScene;
  beforeAll(async () => {
    scene = await trialScene(`g${run}`, group);
  }, 60_000);
  afterAll(async () => {
    await scene?.close();
    await group.close();
  }, 60_000);

  test('20 hogs that give their memory back slowly: one kill each', { timeout: 600_000 }, async () => {
    const took: number[] = [];
    for (let trial = 0; trial < 20; trial += 1) took.push(await slowToFree(scene.servers, run));
    process.stdout.write(`slow to free: ${shown(took)} from the decision to the end\n`);
  });

  test('5 times every core busy at nice 19: nobody is ended', { timeout: 300_000 }, async () => {
    const waited: number[] = [];
    for (let trial = 0; trial < 5; trial += 1) waited.push(await nice19(scene.servers, run));
    const shares = waited.map((share) => `${Math.round(share * 100)} %`).join(', ');
    process.stdout.write(`nice 19: ${waited.length} of 5 spared; somebody waited for a CPU in ${shares} of the time\n`);
  });
});
