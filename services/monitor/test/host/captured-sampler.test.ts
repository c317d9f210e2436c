import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type HostSamplerOptions, openHostSampler } from '../../src/host/open-sampler.js';
import type { HostSample, HostSampler } from '../../src/host/sample.js';
import { CapturedTree, meminfoOf, pressureOf, statOf, zoneinfoOf } from './captured-tree.js';

const mib = 1_048_576;
let tree: CapturedTree;
let sampler: HostSampler | null;

beforeEach(() => {
  tree = new CapturedTree();
  sampler = null;
});
afterEach(() => {
  sampler?.close();
  tree.remove();
});

async function open(
  scope: 'auto' | 'host' = 'auto',
  markers: string[] = [],
  more: Pick<HostSamplerOptions, 'ramMattersFromPercent'> = {},
): Promise<HostSampler> {
  const { procRoot, cgroupRoot, clock } = tree;
  const where = { source: 'linux', procRoot, cgroupRoot, clock } as const;
  sampler = await openHostSampler({ ...where, scope, containerMarkers: markers, mounts: [], ...more });
  return sampler;
}

function next(afterMs: number, files: { readonly [path: string]: string } = {}): HostSample {
  tree.write(files);
  tree.now += afterMs;
  const sample = sampler?.sample();
  if (!sample?.ok) throw new Error(`no sample: ${sample?.reason}`);
  return sample;
}

const host = {
  'proc/stat': statOf('0 0 0 0 0 0 0 0 0 0'),
  'proc/meminfo': meminfoOf(4_000, 3_000),
  'proc/self/cgroup': '0::/\n',
};

describe('a host', () => {
  test('gives shares of its own window, and pressure from the difference of totals', async () => {
    tree.write({
      ...host,
      'proc/pressure/cpu': pressureOf(1_000),
      'proc/pressure/memory': pressureOf(0),
      'proc/pressure/io': pressureOf(7),
    });
    await open();
    const sample = next(250, {
      'proc/stat': statOf('30 10 10 40 10 0 0 0 0 0'),
      'proc/pressure/cpu': pressureOf(126_000),
      'proc/pressure/io': pressureOf(25_007),
    });
    expect(sample).toMatchObject({ cpuPercent: 50, iowaitPercent: 10, cpuPressure: 50, memoryPressure: 0, ioPressure: 10 });
    expect(sample).toMatchObject({
      ramPercent: 25,
      ramUsedBytes: 1_000 * mib,
      ramTotalBytes: 4_000 * mib,
      cpuThrottledPercent: null,
    });
    expect(sample.scope).toMatchObject({ kind: 'host', cpus: 4, memoryBytes: 4_000 * mib });
    expect(sample.at).toBe(1_700_000_010_250);
  });

  test('a second look within one tick is no reading, and the window goes on', async () => {
    tree.write(host);
    await open();
    expect(next(3).cpuPercent).toBeNull();
    expect(next(247, { 'proc/stat': statOf('50 0 0 50 0 0 0 0 0 0') }).cpuPercent).toBe(50);
    // 50 ms later: compared with what is at least 200 ms old, not with the reading just made.
    expect(next(50, { 'proc/stat': statOf('70 0 0 50 0 0 0 0 0 0') }).cpuPercent).toBeCloseTo(58.33, 1);
  });

  test('free pages in the lists of the CPUs are not used, though MemAvailable leaves them out', async () => {
    tree.write({ ...host, 'proc/zoneinfo': zoneinfoOf(32_000) });
    await open();
    expect(next(250)).toMatchObject({ ramPercent: 12.5, ramUsedBytes: 500 * mib });
    expect(next(50, { 'proc/zoneinfo': zoneinfoOf(0) })).toMatchObject({ ramPercent: 25 });
    // More in the lists than is used: they are read a moment later than the rest.
    expect(next(50, { 'proc/zoneinfo': zoneinfoOf(70_000) })).toMatchObject({ ramPercent: 0 });
  });

  test('far below every threshold the lists may be two seconds old; from there on they are of now', async () => {
    tree.write({ ...host, 'proc/zoneinfo': zoneinfoOf(32_000) });
    await open('auto', [], { ramMattersFromPercent: 40 });
    expect(next(500, { 'proc/zoneinfo': zoneinfoOf(0) })).toMatchObject({ ramPercent: 12.5 });
    expect(next(1_500)).toMatchObject({ ramPercent: 25 });
    const [nearly, taken] = [{ 'proc/meminfo': meminfoOf(4_000, 2_400) }, { 'proc/zoneinfo': zoneinfoOf(32_000) }];
    expect(next(50, { ...nearly, ...taken })).toMatchObject({ ramPercent: 27.5 });
    expect(next(50, { 'proc/zoneinfo': zoneinfoOf(0) })).toMatchObject({ ramPercent: 40 });
  });

  test('in slices it says the same', async () => {
    tree.write({ ...host, 'proc/pressure/cpu': pressureOf(1_000) });
    await open();
    tree.write({ 'proc/stat': statOf('30 10 10 40 10 0 0 0 0 0'), 'proc/pressure/cpu': pressureOf(126_000) });
    tree.now += 250;
    expect(await sampler?.sampleInSlices()).toMatchObject({ ok: true, cpuPercent: 50, cpuPressure: 50, ramPercent: 25 });
  });

  test('works on when a file is missing or is nonsense, and fails only when both are', async () => {
    tree.write({ ...host, 'proc/meminfo': 'nonsense' });
    await open();
    expect(next(250, { 'proc/stat': statOf('50 0 0 50 0 0 0 0 0 0') })).toMatchObject({
      cpuPercent: 50,
      ramPercent: null,
      ramUsedBytes: null,
    });
    tree.write({ 'proc/stat': 'nonsense' });
    tree.now += 250;
    expect(sampler?.sample()).toEqual({
      ok: false,
      at: expect.any(Number),
      monotonicMs: tree.now,
      reason: expect.stringContaining('neither stat nor meminfo'),
    });
    tree.write({ 'proc/stat': statOf('150 0 0 50 0 0 0 0 0 0'), 'proc/meminfo': meminfoOf(4_000, 400) });
    expect(next(250)).toMatchObject({ ramPercent: 90 });
  });

  test('without PSI and without /proc/self/cgroup there is no pressure and no limit', async () => {
    tree.write(host);
    rmSync(join(tree.procRoot, 'self'), { recursive: true });
    await open();
    expect(next(250)).toMatchObject({ cpuPressure: null, memoryPressure: null, ioPressure: null, scope: { kind: 'host' } });
  });
});

describe('cgroup v2', () => {
  // What a container with 512 MiB and half a CPU sees: its own group at the root of the mount.
  const container = {
    ...host,
    'cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
    'cgroup/memory.max': `${512 * mib}\n`,
    'cgroup/memory.current': `${500 * mib}\n`,
    'cgroup/memory.stat': `anon 1\nfile 2\ninactive_anon 0\nactive_anon 0\ninactive_file ${52 * mib}\nactive_file 0\n`,
    'cgroup/cpu.max': '50000 100000\n',
    'cgroup/cpu.stat': 'usage_usec 1000000\nuser_usec 1\nsystem_usec 1\nnr_periods 100\nnr_throttled 10\nthrottled_usec 5\n',
    'cgroup/cpu.pressure': pressureOf(0),
  };
  const busy = {
    'cgroup/cpu.stat': 'usage_usec 1125000\nuser_usec 1\nsystem_usec 1\nnr_periods 104\nnr_throttled 14\nthrottled_usec 9\n',
    'cgroup/cpu.pressure': pressureOf(250_000),
    'proc/stat': statOf('20 0 0 80 0 0 0 0 0 0'),
  };

  test('CPU is of the quota and RAM of the limit, without inactive page cache, and the scope says so', async () => {
    tree.write(container);
    await open('auto', [tree.procRoot]);
    const sample = next(250, busy);
    expect(sample).toMatchObject({
      cpuPercent: 100,
      cpuThrottledPercent: 100,
      cpuPressure: 100,
      ramPercent: 87.5,
      ramTotalBytes: 512 * mib,
    });
    expect(sample.scope).toEqual({
      kind: 'container',
      cpus: 0.5,
      memoryBytes: 512 * mib,
      why: 'memory limited to 512 MiB (cgroup v2), CPU limited to 0.50 of 4 (cgroup v2)',
    });
  });

  test('may be told to look at the host all the same', async () => {
    tree.write(container);
    await open('host');
    expect(next(250, busy)).toMatchObject({
      cpuPercent: 20,
      ramPercent: 25,
      cpuThrottledPercent: null,
      scope: { kind: 'host', cpus: 4 },
    });
  });

  test('the tightest limit above us counts, with the usage of the group that has it', async () => {
    tree.write({
      ...host,
      'proc/self/cgroup': '0::/system.slice/ops.service\n',
      'cgroup/cgroup.controllers': 'cpu memory\n',
      'cgroup/system.slice/memory.max': `${1_000 * mib}\n`,
      'cgroup/system.slice/memory.current': `${900 * mib}\n`,
      'cgroup/system.slice/memory.stat': 'inactive_file 0\n',
      'cgroup/system.slice/cpu.max': 'max 100000\n',
      'cgroup/system.slice/ops.service/memory.max': `${2_000 * mib}\n`,
      'cgroup/system.slice/ops.service/memory.current': `${100 * mib}\n`,
      'cgroup/system.slice/ops.service/cpu.max': 'max 100000\n',
    });
    await open();
    const sample = next(250, { 'proc/stat': statOf('60 0 0 40 0 0 0 0 0 0') });
    expect(sample).toMatchObject({
      ramPercent: 90,
      cpuPercent: 60,
      scope: { kind: 'cgroup', cpus: 4, memoryBytes: 1_000 * mib },
    });
    expect(sample.scope.why).toBe('memory limited to 1000 MiB (cgroup v2), CPU is the host’s');
  });

  test('a limit above what the host has is none; one that comes later is looked for every ten seconds, a step with each sample', async () => {
    tree.write({ ...container, 'cgroup/memory.max': `${8_000 * mib}\n`, 'cgroup/cpu.max': '800000 100000\n' });
    await open();
    expect(next(250).scope.kind).toBe('host');
    expect(next(10_000, { 'cgroup/memory.max': `${512 * mib}\n` }).scope.kind).toBe('host');
    expect(lookedAgain()).toMatchObject({ ramPercent: 87.5, scope: { kind: 'cgroup' } });
    next(10_000, { 'cgroup/memory.max': 'max\n' });
    expect(lookedAgain()).toMatchObject({ ramPercent: 25, scope: { kind: 'host' } });
  });

  /** After as many samples as a look for limits has steps here. */
  function lookedAgain(): HostSample {
    for (let step = 0; step < 7; step += 1) next(50);
    return next(50);
  }
});

describe('cgroup v1', () => {
  const path = '/docker/abc';
  const lines = `9:name=systemd:${path}\n4:memory:${path}\n2:cpu,cpuacct:${path}\n0::/\n`;
  const usage = (nanos: number) => `${nanos}\n`;

  test.each([
    ['with the group below the mount', path],
    ['with the group as the mount (Docker)', ''],
  ])('%s', async (_, at) => {
    tree.write({
      ...host,
      'proc/self/cgroup': lines,
      [`cgroup/memory${at}/memory.limit_in_bytes`]: `${1_000 * mib}\n`,
      [`cgroup/memory${at}/memory.usage_in_bytes`]: `${950 * mib}\n`,
      [`cgroup/memory${at}/memory.stat`]: `inactive_file 1\ntotal_inactive_file ${50 * mib}\n`,
      [`cgroup/cpu,cpuacct${at}/cpu.cfs_quota_us`]: '150000\n',
      [`cgroup/cpu,cpuacct${at}/cpu.cfs_period_us`]: '100000\n',
      [`cgroup/cpu,cpuacct${at}/cpu.stat`]: 'nr_periods 0\nnr_throttled 0\nthrottled_time 0\n',
      [`cgroup/cpu,cpuacct${at}/cpuacct.usage`]: usage(5e9),
    });
    await open();
    const sample = next(1_000, { [`cgroup/cpu,cpuacct${at}/cpuacct.usage`]: usage(5.75e9) });
    expect(sample).toMatchObject({
      cpuPercent: 50,
      ramPercent: 90,
      scope: { kind: 'container', cpus: 1.5, memoryBytes: 1_000 * mib },
    });
  });

  test('the number near 2^63 and a quota of -1 are no limits', async () => {
    tree.write({
      ...host,
      'proc/self/cgroup': lines,
      'cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      'cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
      'cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    });
    await open();
    expect(next(250).scope).toMatchObject({ kind: 'host', why: 'container without limits: the figures are those of the host' });
  });
});
