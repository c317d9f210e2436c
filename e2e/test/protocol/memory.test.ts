import { eventually, hostMemory } from '@ops/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type MemoryHog, memoryHog } from '../load.js';
import { openScene, type Scene } from './scene.js';

const MEBIBYTE = 1_048_576;
// MiB a step: well under the distance of two thresholds.
const STEP = 96;

let scene: Scene;
let hog: MemoryHog;
let innocent: MemoryHog;
let most: number;

// The thresholds are put just above what the machine uses now, and the hog is bounded to a fifth of it: it is never short of memory.
beforeAll(async () => {
  const { total, used: bytes } = hostMemory();
  most = Math.ceil((total * 0.2) / MEBIBYTE);
  const used = (bytes / total) * 100 + 3;
  const [warn, critical, emergency] = [used + 2, used + 4, used + 6].map((percent) => Math.round(percent * 10) / 10);
  scene = await openScene(`
inventory: { services: [{ name: absent, port: 1, health: { tcp: { port: 1 } }, paused: true }] }
guard:
  cpu: { enter: 10m }
  ram: { warn: ${warn}, critical: ${critical}, emergency: ${emergency}, calm: 2s, margin: 1 }
  runaway: { mode: "on", eligible: { names: [ops-test-hog] }, ram: { min_share: 4, grace: 1s } }
`);
  hog = memoryHog(most, true);
  innocent = memoryHog(64, false);
  innocent.hold(64);
}, 120_000);

afterAll(async () => {
  hog.end();
  innocent.end();
  expect(await scene.close()).toBe(0);
}, 60_000);

test('a memory hog drives WARN, CRITICAL and EMERGENCY, is ended although it ignores SIGTERM, and the host recovers', {
  timeout: 90_000,
}, async () => {
  await scene.level('normal');
  let held = 0;
  for (const level of ['warn', 'critical', 'emergency'] as const) {
    // Little by little: what else runs on the machine takes and gives memory meanwhile.
    for (let reached = false; !reached && held < most; ) {
      held += STEP;
      hog.hold(held);
      reached = await scene.level(level, 500).then(
        () => true,
        () => false,
      );
    }
    await scene.level(level, 2000);
  }
  await eventually(() => expect(hog.child.signalCode).toBe('SIGKILL'), { within: 15_000 });
  await eventually(() => expect(scene.all('guard.runaway-handled')).toHaveLength(1));
  expect(scene.all('guard.runaway-handled')[0]).toMatchObject({
    mode: 'on',
    result: 'killed',
    victim: { pid: hog.child.pid, name: 'ops-test-hog' },
  });
  expect(innocent.child.signalCode).toBeNull();
  expect(innocent.child.exitCode).toBeNull();

  await eventually(() => expect(scene.all('incident.resolved')).toHaveLength(1), { within: 30_000 });
  const [incident] = scene.all('incident.resolved');
  expect(incident?.root_cause).toContain(`ops-test-hog (pid ${hog.child.pid})`);
  expect(scene.instance.said()).toMatch(/^EMERGENCY: .*ops-test-hog/m);
  expect(scene.all('guard.runaway-handled')).toHaveLength(1);
});
