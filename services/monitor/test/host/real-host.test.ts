import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openHostSampler } from '../../src/host/open-sampler.js';
import type { HostSample, HostSampler } from '../../src/host/sample.js';
import { endProcesses, startBurner } from '../act/bounded-process.js';

const isLinux = process.platform === 'linux';
let sampler: HostSampler | null = null;

afterEach(async () => {
  sampler?.close();
  sampler = null;
  await endProcesses();
});

function look(): HostSample {
  const sample = sampler?.sample();
  if (!sample?.ok) throw new Error(`no sample: ${sample?.reason}`);
  return sample;
}

describe.each(isLinux ? (['linux', 'portable'] as const) : (['portable'] as const))('this machine by %s', (source) => {
  test('memory, disks and a busy core are seen', async () => {
    sampler = await openHostSampler({ source, scope: 'host', mounts: ['/', '/no/such/mount'] });
    const first = look();
    expect(first.ramTotalBytes).toBeGreaterThan(0.9 * totalmem());
    // Free memory is less than available memory, so use is less than total less free.
    expect(first.ramUsedBytes).toBeLessThan(totalmem() - freemem() + 0.1 * totalmem());
    expect(first.disks[0]?.percent).toBeGreaterThan(0);
    expect(first.disks[1]).toEqual({ mount: '/no/such/mount', percent: null, usedBytes: null, totalBytes: null });
    const cores = first.scope.cpus;
    await startBurner();
    await vi.waitFor(() => expect(look().cpuPercent).toBeGreaterThan(70 / cores), { timeout: 10_000, interval: 300 });
    if (source === 'portable') expect(look().iowaitPercent).toBeNull();
  });

  test('a blocked event loop shows in the next sample, and only there', async () => {
    sampler = await openHostSampler({ source, mounts: [] });
    const block = (ms: number) => {
      const until = performance.now() + ms;
      while (performance.now() < until);
    };
    look();
    block(400);
    await vi.waitFor(() => expect(look().loopDelayMs).toBeGreaterThan(100), { interval: 30 });
    await vi.waitFor(() => expect(look().loopDelayMs).toBeLessThan(100), { interval: 30 });
    // While it is busy: many short blocks are not a long one.
    block(400);
    look();
    for (let turn = 0; turn < 20; turn += 1) {
      block(15);
      await new Promise(setImmediate);
    }
    expect(look().loopDelayMs).toBeLessThan(250);
    block(400);
    expect(look().loopDelayMs).toBeGreaterThan(250);
    expect(look().loopDelayMs).toBeLessThan(100);
  });
});

test.runIf(isLinux)('close gives the descriptors back', async () => {
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  for (let i = 0; i < 20; i++) {
    const each = await openHostSampler({ mounts: ['/'] });
    each.sample();
    each.close();
  }
  expect(descriptors()).toBeLessThan(before + 10);
});

const controllers = ['memory', 'cpu', 'cpuacct'].map((controller) => `/sys/fs/cgroup/${controller}`);
const mayLimit = isLinux && process.getuid?.() === 0 && controllers.every((each) => existsSync(`${each}/cgroup.procs`));

/** Runs inside of a real group with 1 GiB and half a CPU. This very process is moved in, and back where it was. */
test.runIf(mayLimit)('in a real limited group (version 1; needs root) the figures are those of the group', async () => {
  const name = `ops-test-${process.pid}`;
  const home = new Map(
    controllers.map((each) => {
      const controller = each.split('/').at(-1) ?? '';
      const line = readFileSync('/proc/self/cgroup', 'utf8')
        .split('\n')
        .find((text) => text.split(':')[1]?.split(',').includes(controller));
      return [each, `${each}${line?.split(':')[2] ?? ''}`] as const;
    }),
  );
  for (const each of controllers) mkdirSync(`${each}/${name}`);
  try {
    writeFileSync(`/sys/fs/cgroup/memory/${name}/memory.limit_in_bytes`, String(1_073_741_824));
    writeFileSync(`/sys/fs/cgroup/cpu/${name}/cpu.cfs_quota_us`, '50000');
    for (const each of controllers) writeFileSync(`${each}/${name}/cgroup.procs`, String(process.pid));
    sampler = await openHostSampler({ mounts: [] });
    const held = Buffer.alloc(400 * 1_048_576, 1);
    // Until it is: a machine that is busy with others gives us less than our quota.
    let sample = look();
    for (const end = performance.now() + 20_000; (sample.cpuThrottledPercent ?? 0) <= 50 && performance.now() < end; ) {
      for (const busyUntil = performance.now() + 1_000; performance.now() < busyUntil; );
      sample = look();
    }
    expect(sample.scope).toMatchObject({ cpus: 0.5, memoryBytes: 1_073_741_824 });
    expect(sample.scope.kind).not.toBe('host');
    expect(sample.ramUsedBytes).toBeGreaterThan(held.length * 0.95);
    expect(sample.ramPercent).toBeLessThan(70);
    expect(sample.cpuPercent).toBeGreaterThan(80);
    expect(sample.cpuThrottledPercent).toBeGreaterThan(50);
  } finally {
    for (const [each, path] of home) writeFileSync(`${existsSync(path) ? path : each}/cgroup.procs`, String(process.pid));
    for (const each of controllers) rmdirSync(`${each}/${name}`);
  }
});
