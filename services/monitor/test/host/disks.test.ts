import { execFileSync } from 'node:child_process';
import { afterEach, expect, test, vi } from 'vitest';
import { DiskWatch } from '../../src/host/disks.js';
import { openHostSampler } from '../../src/host/open-sampler.js';
import { hungMount, mayMount } from './hung-mount.js';

const monotonic = () => performance.now();
const cleanUps: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

test('agrees with df', async () => {
  const watch = new DiskWatch(['/'], monotonic);
  await watch.answered();
  const line = execFileSync('df', ['-P', '-B1', '/'], { encoding: 'utf8' }).split('\n')[1]?.split(/ +/) ?? [];
  const [disk] = watch.read();
  expect(Math.ceil(disk?.percent ?? 0)).toBeGreaterThanOrEqual(Number.parseInt(line[4] ?? '', 10) - 1);
  expect(Math.ceil(disk?.percent ?? 0)).toBeLessThanOrEqual(Number.parseInt(line[4] ?? '', 10) + 1);
  expect(disk?.totalBytes).toBe(Number(line[1]));
  watch.close();
});

test('more mounts than are asked at once are all answered', async () => {
  const mounts = ['/', '/proc', '/dev', '/tmp', '/no/such/mount'];
  const watch = new DiskWatch(mounts, monotonic);
  await watch.answered();
  expect(watch.read().map((disk) => disk.mount)).toEqual(mounts);
  expect(watch.read().map((disk) => disk.totalBytes === null)).toEqual([false, false, false, false, true]);
  watch.close();
});

test.runIf(mayMount)(
  'a mount that hangs (real FUSE; needs root) is unknown, and holds up neither the sample nor the others',
  async () => {
    const hung = await hungMount(cleanUps);
    const begun = performance.now();
    const sampler = await openHostSampler({ mounts: [hung, '/'], diskDeadlineMs: 200, diskRefreshMs: 50 });
    cleanUps.push(() => Promise.resolve(sampler.close()));
    expect(performance.now() - begun).toBeLessThan(5_000);
    let refreshed = 0;
    let last: number | null = null;
    await vi.waitFor(
      () => {
        const before = performance.now();
        const sample = sampler.sample();
        expect(performance.now() - before).toBeLessThan(100);
        if (!sample.ok) throw new Error(sample.reason);
        const [stuck, root] = sample.disks;
        expect(stuck).toMatchObject({ mount: hung, percent: null });
        if (root?.usedBytes !== last) refreshed += 1;
        last = root?.usedBytes ?? null;
        expect(root?.percent).toBeGreaterThan(0);
        expect(performance.now() - begun).toBeGreaterThan(1_500);
      },
      { timeout: 10_000, interval: 50 },
    );
    expect(refreshed).toBeGreaterThan(0);
  },
);

test('a disk that is far from mattering is asked a third as often', async () => {
  let now = 0;
  const watch = (mattersFromPercent: number) => new DiskWatch(['/'], () => now, { refreshMs: 1_000, mattersFromPercent });
  const answers = async (disks: DiskWatch) => {
    const [before] = disks.read();
    await new Promise((resolve) => setImmediate(resolve));
    return before;
  };
  const [far, near] = [watch(100.1), watch(0)];
  await Promise.all([far.answered(), near.answered()]);
  const [farFirst, nearFirst] = [far.read()[0], near.read()[0]];
  now = 1_500;
  await Promise.all([answers(far), answers(near)]);
  // Another answer is another object: nobody else tells when one came.
  await expect.poll(() => near.read()[0] !== nearFirst).toBe(true);
  expect(far.read()[0]).toBe(farFirst);
  now = 3_500;
  await expect.poll(() => far.read()[0] !== farFirst).toBe(true);
  far.close();
  near.close();
});
