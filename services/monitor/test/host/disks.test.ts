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
    const answers = new Set<unknown>();
    await vi.waitFor(
      () => {
        const before = performance.now();
        const sample = sampler.sample();
        expect(performance.now() - before).toBeLessThan(100);
        if (!sample.ok) throw new Error(sample.reason);
        const [stuck, root] = sample.disks;
        expect(stuck).toMatchObject({ mount: hung, percent: null });
        answers.add(root);
        expect(root?.percent).toBeGreaterThan(0);
        expect(performance.now() - begun).toBeGreaterThan(1_500);
      },
      { timeout: 10_000, interval: 50 },
    );
    // Each answer is an object of its own.
    expect(answers.size).toBeGreaterThan(1);
  },
);

test.each([
  ['a disk that is far from mattering is asked every third time', 100.1, 3_000],
  ['a disk that is near a threshold is asked each time', 0, 1_000],
])('%s', async (_, mattersFromPercent, everyMs) => {
  let now = 0;
  // Always asked, for comparison: its answers tell that there was time for one.
  const other = new DiskWatch(['/'], () => now, { deadlineMs: 60_000, refreshMs: 1 });
  const watch = new DiskWatch(['/'], () => now, { deadlineMs: 60_000, refreshMs: 1_000, mattersFromPercent });
  await Promise.all([other.answered(), watch.answered()]);
  const [first, otherFirst] = [watch.read()[0], other.read()[0]];
  expect([first?.percent, otherFirst?.percent]).not.toContain(null);

  // Each answer is an object of its own.
  now = everyMs - 1;
  expect(watch.read()[0]).toBe(first);
  await expect.poll(() => other.read()[0] !== otherFirst, { timeout: 10_000 }).toBe(true);
  expect(watch.read()[0]).toBe(first);
  now = everyMs;
  await expect.poll(() => watch.read()[0] !== first, { timeout: 10_000 }).toBe(true);
  expect(watch.read()[0]?.percent).not.toBeNull();
  watch.close();
  other.close();
});
