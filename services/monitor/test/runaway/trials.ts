import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { eventually, hostMemory } from '@ops/shared/testing';
import { expect } from 'vitest';
import { batchAtNice19, burner, marks } from './decoys.js';
import { growPastTheLine, growUntilEnded, guardedHost, shareOf } from './guarded-host.js';
import { startHogOf } from './hog.js';
import type { TrialScene } from './trial-scene.js';

type Servers = TrialScene['servers'];

/** A hog among decoys that hold more than it: it is ended, once, and nobody else. */
export async function hogAmongDecoys({ servers, rules, ended, decoyBytes }: TrialScene, run: string): Promise<number> {
  const host = await guardedHost(servers, servers.group, rules);
  const batch = batchAtNice19(run, servers.group);
  try {
    const hog = await startHogOf(marks(run).hog, { mebibytes: 16, marks: [marks(run).any], through: servers.group.into });
    await growUntilEnded(hog, host, servers.group);
    await eventually(() => expect(host.said('guard.runaway-handled')).toHaveLength(1));
    const [handled] = host.said('guard.runaway-handled');
    expect(handled).toMatchObject({ mode: 'on', victim: { pid: hog.pid }, members: [{ pid: hog.pid }] });
    // Each of the decoys was larger, and would have been chosen before it.
    expect(handled?.victim.rss_bytes).toBeLessThan(decoyBytes);
    expect(['terminated', 'killed']).toContain(handled?.result);
    expect(ended()).toEqual([]);
    expect(await host.choices()).toMatchObject([{ plan: { victim: { pid: hog.pid } }, replay: { same: true } }]);
    expect(batch.isAlive()).toBe(true);
    return handled?.took_ms ?? 0;
  } finally {
    batch.end();
    await host.close();
  }
}

/** The control: a container of which no rule speaks any more is what is ended, and not the hog. */
export async function containerWithoutItsRule({ servers, rulesWithoutContainer, ended }: TrialScene, run: string): Promise<void> {
  const host = await guardedHost(servers, servers.group, rulesWithoutContainer);
  try {
    const hog = await startHogOf(marks(run).hog, { mebibytes: 16, marks: [marks(run).any], through: servers.group.into });
    await growPastTheLine(hog);
    await eventually(() => expect(ended()).toEqual(['a container of the inventory']), { within: 30_000 });
    await eventually(() => expect(host.said('guard.runaway-handled')).toMatchObject([{ mode: 'on' }]));
    expect(hog.isAlive()).toBe(true);
  } finally {
    await host.close();
  }
}

/** A few hundredths of a CPU where somebody else wants it: niceness counts between sessions only where the kernel does not group by them. */
function slowDown(pid: number): void {
  const file = `/proc/${pid}/autogroup`;
  if (existsSync(file)) writeFileSync(file, '12');
}

/**
 * A hog that gives its memory back slowly: it shares a CPU with work of a higher priority, so that the kernel frees what it held little
 * by little. Somebody else who may be ended is there and must not be.
 */
export async function slowToFree(servers: Servers, run: string): Promise<number> {
  // Marks of its own: the decoys of the other trials may be ended by no rule of these.
  const { any } = marks(`s${run}`);
  // There before the thresholds are set, so that its memory puts nothing over them; large enough to be a victim, and smaller than the hog.
  const other = await startHogOf('bystander', { mebibytes: 48, marks: [any], through: servers.group.into });
  const host = await guardedHost(servers, servers.group, {
    runaway: `eligible: { commands: [${any}] }, ram: { min_share: ${shareOf(servers.group, 75)}, grace: 100ms, urgent_grace: 100ms }`,
  });
  const busy = burner(['taskset', '-c', '0']);
  try {
    const hog = await startHogOf(marks(run).hog, {
      mebibytes: 208,
      marks: [any],
      through: [...servers.group.into, 'taskset', '-c', '0', 'nice', '-n', '12'],
    });
    slowDown(hog.pid);
    await growUntilEnded(hog, host, servers.group);
    // Calm again: whoever was to be chosen meanwhile would have been.
    await eventually(async () => expect(await host.level()).not.toBe('emergency'), { within: 60_000 });
    await eventually(() => expect(host.said('guard.runaway-handled')).toHaveLength(1));
    const [handled] = host.said('guard.runaway-handled');
    expect(handled).toMatchObject({ victim: { pid: hog.pid } });
    expect(other.isAlive()).toBe(true);
    return handled?.took_ms ?? 0;
  } finally {
    other.child.kill('SIGKILL');
    busy.kill('SIGKILL');
    await host.close();
  }
}

/**
 * A hog whose memory the kernel keeps in its lists of free pages after it was ended, where MemAvailable does not count it for minutes. Somebody
 * else who may be ended, and is large enough, is there and must not be.
 * @returns whether by MemAvailable alone it would still be an emergency just after, and the ms from the decision to the end
 */
export async function freedIntoLists(servers: Servers, run: string): Promise<{ looksUsed: boolean; tookMs: number }> {
  // Marks of its own, as above.
  const { any } = marks(`l${run}`);
  const other = await startHogOf('bystander', { mebibytes: 200, marks: [any], through: servers.group.into });
  const host = await guardedHost(servers, servers.group, {
    runaway: `eligible: { commands: [${any}] }, ram: { min_share: ${shareOf(servers.group, 100)}, grace: 500ms }`,
  });
  try {
    const hog = await startHogOf(marks(run).hog, { mebibytes: 16, marks: [any], through: servers.group.into });
    await growUntilEnded(hog, host, servers.group);
    const { used, inLists } = hostMemory();
    const looksUsed = used + inLists > host.emergencyBytes;
    await eventually(async () => expect(await host.level()).not.toBe('emergency'), { within: 60_000 });
    await eventually(() => expect(host.said('guard.runaway-handled')).toHaveLength(1));
    const [handled] = host.said('guard.runaway-handled');
    expect(handled).toMatchObject({ victim: { pid: hog.pid } });
    expect(other.isAlive()).toBe(true);
    return { looksUsed, tookMs: handled?.took_ms ?? 0 };
  } finally {
    other.child.kill('SIGKILL');
    await host.close();
  }
}

/**
 * Every core is busy at nice 19, long enough to be ended for it: nobody is, whether other work makes it wait or not.
 * @returns the share of the time in which somebody waited for a CPU
 */
export async function nice19(servers: Servers, run: string): Promise<number> {
  const { any } = marks(`n${run}`);
  const host = await guardedHost(servers, servers.group, {
    runaway: `eligible: { commands: [${any}] }, cpu: { sustained: 1s, min_core: 5 }`,
    cpu: '{ warn: 50, critical: 70, emergency: 85, enter: 300ms, calm: 1s, margin: 1 }',
  });
  const batch = batchAtNice19(`n${run}`, servers.group);
  try {
    const [begin, before] = [performance.now(), pressure()];
    await eventually(async () => expect(await host.level()).toBe('emergency'), { within: 20_000 });
    // Four times as long as is needed for a kill.
    await eventually(() => expect(performance.now() - begin).toBeGreaterThan(5000));
    const waited = (pressure() - before) / (performance.now() - begin);
    expect(batch.isAlive()).toBe(true);
    expect(host.said('guard.runaway-handled')).toEqual([]);
    return waited;
  } finally {
    batch.end();
    await host.close();
  }
}

/** Milliseconds since the machine began in which somebody waited for a CPU. */
function pressure(): number {
  return Number(/^some .*total=(\d+)/m.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1]) / 1000;
}
