import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { DiskWatch } from '../../src/host/disks.js';
import { openHostSampler } from '../../src/host/open-sampler.js';

const monotonic = () => performance.now();
const mayMount = process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/dev/fuse');
const cleanUps: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/**
 * A real file system whose server never answers, in a mount namespace of its own so that nobody else meets it. It is
 * reached through /proc/<pid>/root, and gone when the process that holds its connection ends.
 */
async function hungMount(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'ops-hung-'));
  const mount = `mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 hung ${directory}`;
  const script = `exec 3<>/dev/fuse; ${mount} && echo ready && exec sleep 30`;
  const holder: ChildProcess = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanUps.push(async () => {
    const ended = once(holder, 'exit');
    if (holder.exitCode === null) {
      holder.kill('SIGKILL');
      await ended;
    }
    rmdirSync(directory);
  });
  if (holder.stdout) await once(holder.stdout, 'data');
  return `/proc/${holder.pid}/root${directory}`;
}

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
    const hung = await hungMount();
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
