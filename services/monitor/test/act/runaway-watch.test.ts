import { createLogger } from '@ops/shared/runtime';
import { eventually } from '@ops/shared/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { RunawayWatch } from '../../src/act/runaway-watch.js';
import { ContainerDirectory } from '../../src/checks/container-directory.js';
import { defaultRunawayPolicy } from '../../src/decide/runaway-policy.js';
import type { RunawayPlan } from '../../src/decide/runaway-types.js';
import { heaviest } from '../../src/host/heaviest.js';
import { readProcessTable, scanProcessTable } from '../../src/host/process-table.js';
import { endProcesses, startHog, startMany } from './bounded-process.js';
import { emergency } from './emergency.js';

afterEach(endProcesses);

/** A watch that may end only this process. */
function watchOf(pid: number) {
  const [plans, chosen]: [RunawayPlan[], RunawayPlan[]] = [[], []];
  const watch = new RunawayWatch({
    policy: { ...defaultRunawayPolicy, mode: 'on', owners: [{ service: 'ours', protected: false, pids: [pid] }] },
    // The test itself is an ancestor of the hog, which must not make it ours.
    self: 2 ** 22,
    ownPids: [],
    containers: new ContainerDirectory(),
    engine: undefined,
    log: createLogger('error', { write: () => undefined }),
    decided: ({ plan }) => chosen.push(plan),
    done: (plan) => plans.push(plan),
  });
  return { watch, plans, chosen };
}

describe.runIf(process.platform === 'linux')('the runaway watch', () => {
  // In this file, since no other may count processes meanwhile. What it takes: `pnpm bench guard --only cost`.
  test('600 processes, at once and in slices', async () => {
    const before = readProcessTable();
    const many = await startMany(Math.max(10, 600 - before.processes.length));
    if (many === null) return;
    expect(readProcessTable({ detailsOf: heaviest(40, before) }).processes.length).toBeGreaterThan(500);
    const sliced = await scanProcessTable({ detailsOf: heaviest(40, before) });
    expect(sliced.processes.filter(({ processGroup }) => processGroup === many.pid).length).toBeGreaterThan(
      500 - before.processes.length,
    );
    // Of a group the leader and the largest, not each of 500.
    const read = sliced.detailed.filter(({ processGroup }) => processGroup === many.pid);
    expect(read.map(({ pid }) => pid)).toContain(many.pid);
    expect(read.length).toBeLessThan(150);
    expect(() => readProcessTable({ most: 100 })).toThrow(/more than 100/);
  });

  test('ends the hog that a sample asks for', async () => {
    const hog = await startHog(100);
    const { watch, plans, chosen } = watchOf(hog.pid);
    // The first table may take a while, and then waits for the next sample.
    await eventually(async () => {
      watch.look(emergency());
      await watch.settle();
      expect(plans).toMatchObject([{ victim: { pid: hog.pid } }]);
    });
    // Node hears of the end after we have seen it.
    await eventually(() => expect(hog.signalCode).toBe('SIGTERM'));
    expect(chosen).toEqual(plans);
  });

  test('memory that has recovered while a long table was read ends nobody', async () => {
    const hog = await startHog(100);
    const many = await startMany(4000);
    if (many === null) return;
    const { watch, plans } = watchOf(hog.pid);
    watch.look(emergency());
    await watch.settle();
    expect(plans).toEqual([]);
    watch.look(emergency({ level: 'emergency', ramPercent: 60 }));
    await watch.settle();
    expect(plans).toEqual([]);
    // The control: without the recovery it is ended with the sample after the table.
    watch.look(emergency());
    await watch.settle();
    watch.look(emergency());
    await watch.settle();
    expect(plans).toMatchObject([{ victim: { pid: hog.pid } }]);
  });

  test('tells at once who uses most, and nobody where that would take long', async () => {
    const hog = await startHog(500);
    const { watch } = watchOf(hog.pid);
    // Those of the test before may still be ending.
    await eventually(() => expect(watch.top().byRss.map(({ pid }) => pid)).toContain(hog.pid));
    if ((await startMany(4000)) === null) return;
    expect(readProcessTable().processes.length).toBeGreaterThan(1000);
    expect(watch.top().byRss).toEqual([]);
    watch.look(emergency({ level: 'warn', isNear: true, ramPercent: 60 }));
    await watch.settle();
    expect(watch.top().byRss.map(({ pid }) => pid)).toContain(hog.pid);
  });
});
