import { createLogger } from '@ops/shared/runtime';
import { eventually } from '@ops/shared/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { RunawayWatch } from '../../src/act/runaway-watch.js';
import { ContainerDirectory } from '../../src/checks/container-directory.js';
import { defaultRunawayPolicy } from '../../src/decide/runaway-policy.js';
import type { RunawayPlan } from '../../src/decide/runaway-types.js';
import { heaviest } from '../../src/host/heaviest.js';
import { readProcessTable, scanProcessTable } from '../../src/host/process-table.js';
import { openStats } from '../host/open-stats.js';
import { endProcesses, startHog, startMany, startNode } from './bounded-process.js';
import { emergency } from './emergency.js';

afterEach(endProcesses);

/** A watch that may end only these processes. */
function watchOf(...pids: number[]) {
  const [plans, chosen]: [RunawayPlan[], RunawayPlan[]] = [[], []];
  const watch = new RunawayWatch({
    policy: {
      ...defaultRunawayPolicy,
      ram: { ...defaultRunawayPolicy.ram, graceMs: 2_000 },
      mode: 'on',
      owners: [{ service: 'ours', protected: false, pids }],
    },
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

/** An emergency on the real clock, in order with what the watch itself sees. */
function takenNow() {
  const seen = emergency();
  return { ...seen, sample: { ...seen.sample, monotonicMs: performance.now() } };
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

  test('a sample that was taken before a kill was over chooses nobody else', async () => {
    const stubborn = await startNode("process.on('SIGTERM', () => undefined);globalThis.held = Buffer.alloc(200 * 1048576, 1)");
    const other = await startHog(100);
    const { watch, chosen } = watchOf(stubborn.pid, other.pid);
    await eventually(() => {
      watch.look(takenNow());
      expect(chosen).toMatchObject([{ victim: { pid: stubborn.pid } }]);
    });
    const before = takenNow();
    await watch.settle();
    await eventually(() => expect(stubborn.signalCode).toBe('SIGKILL'));
    // More than once: the first of them may find the table too young.
    for (let looks = 0; looks < 5; looks += 1) {
      watch.look({ ...before, sample: { ...before.sample, monotonicMs: before.sample.monotonicMs + looks } });
      await watch.settle();
    }
    expect(chosen).toHaveLength(1);
    // The control: what is seen later, after the time to settle, is a reason.
    await eventually(async () => {
      watch.look(takenNow());
      await watch.settle();
      expect(chosen).toMatchObject([{ victim: { pid: stubborn.pid } }, { victim: { pid: other.pid } }]);
    });
  });

  test('keeps the files of processes open only while it reads tables', async () => {
    const { watch } = watchOf();
    const far = { ...emergency({ level: 'normal', ramPercent: 40 }), isNear: false };
    for (const letGo of [() => watch.look(far), () => watch.settle()]) {
      await eventually(() => {
        watch.look(takenNow());
        expect(openStats()).toContain(process.pid);
      });
      await eventually(async () => {
        await letGo();
        expect(openStats()).toEqual([]);
      });
    }
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
