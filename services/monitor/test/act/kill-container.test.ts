import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createLogger, systemClock } from '@ops/shared/runtime';
import { eventually } from '@ops/shared/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { containerEngine } from '../../src/act/container-engine.js';
import { killRunaway } from '../../src/act/kill.js';
import { ContainerDirectory } from '../../src/checks/container-directory.js';
import { DockerEngine } from '../../src/checks/docker-engine.js';
import { decideRunaway } from '../../src/decide/runaway.js';
import { defaultRunawayPolicy, type OwnerRule } from '../../src/decide/runaway-policy.js';
import { readProcessTable } from '../../src/host/process-table.js';
import { processUsage } from '../../src/host/process-usage.js';
import { type DockerScene, dockerScene, engineProxy } from '../checks/docker-scene.js';
import { listening } from '../checks/listening.js';
import { ramFacts } from '../decide/runaway-tables.js';

// The first process of a container hears only what it has a handler for: sleep obeys no SIGTERM there.
const OBEYS = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done'];
// The engine of the tests has other tests to serve.
const PATIENT = { engineAnswerMs: 10_000 };
const log = createLogger('error', { write: () => undefined });

describe.skipIf(process.env.OPS_TEST_DOCKER !== '1')('containers of a real engine', () => {
  let scene: DockerScene;
  const closing: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    scene = await dockerScene();
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  afterAll(() => scene.close());

  async function started(options: Parameters<DockerScene['run']>[1] = {}) {
    const container = await scene.run(scene.name(), { restart: true, ...options });
    const { Id: id, Name: name } = await container.inspect();
    const members = await eventually(() => {
      const found = readProcessTable().processes.filter(({ cgroup }) => cgroup?.includes(id));
      expect(found.length).toBeGreaterThan(0);
      return found.map((each) => ({ ...each, cpuPercent: null }));
    });
    return { container, members, target: { id, name: name.slice(1) } };
  }

  function follow(host: string): ContainerDirectory {
    const directory = new ContainerDirectory();
    const engine = new DockerEngine({ host, names: [], directory, clock: systemClock, log, changed: () => undefined });
    closing.push(() => engine.close());
    return directory;
  }

  test('one that ignores SIGTERM is stopped after the grace time, and its restart policy leaves it so', async () => {
    const { container, members, target } = await started();
    const outcome = await killRunaway(
      { mode: 'on', members, container: target, graceMs: 200 },
      { engine: containerEngine(scene.host), ...PATIENT },
    );
    expect(outcome).toMatchObject({ result: 'killed', by: 'engine', refused: null });
    expect((outcome.killAt ?? 0) - (outcome.termAt ?? 0)).toBeGreaterThanOrEqual(195);
    const { State, RestartCount } = await container.inspect();
    expect({ status: State.Status, restarts: RestartCount }).toEqual({ status: 'exited', restarts: 0 });
    expect(members.some(({ pid }) => existsSync(`/proc/${pid}`))).toBe(false);
  });

  test('one that obeys is asked once, and stays stopped', async () => {
    const { container, members, target } = await started({ command: OBEYS });
    const outcome = await killRunaway(
      { mode: 'on', members, container: target, graceMs: 5000 },
      { engine: containerEngine(scene.host), ...PATIENT },
    );
    expect(outcome).toMatchObject({ result: 'terminated', by: 'engine', refused: null, killAt: null });
    expect((await container.inspect()).State.Status).toBe('exited');
  });

  test('where the engine does not answer, its processes are ended themselves, and its restart policy brings it back', async () => {
    const { container, members, target } = await started();
    const sockets: Socket[] = [];
    const deaf = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
    const port = await listening(deaf);
    closing.push(async () => {
      for (const socket of sockets) socket.destroy();
      deaf.close();
    });
    const [first] = members;
    const outcome = await killRunaway(
      { mode: 'on', members, container: target, graceMs: 100 },
      { engine: containerEngine(`tcp://127.0.0.1:${port}`) },
    );
    expect(outcome).toMatchObject({
      result: 'killed',
      by: 'signals',
      refused: expect.stringContaining('did not end the container'),
    });
    expect(outcome.ms).toBeLessThan(3000);
    // The control for the tests above: without the engine it is there again.
    await eventually(async () => {
      const { State } = await container.inspect();
      expect(State.Running && State.Pid !== first?.pid).toBe(true);
    });
  });

  test('a dry run asks nothing of the engine', async () => {
    const { members, target } = await started();
    const refuse = () => Promise.reject(new Error('asked'));
    const outcome = await killRunaway(
      { mode: 'dry-run', members, container: target, graceMs: 0 },
      { engine: { signal: refuse, stop: refuse } },
    );
    expect(outcome).toMatchObject({ result: 'dry-run', refused: null });
    expect(members.every(({ pid }) => existsSync(`/proc/${pid}`))).toBe(true);
  });

  test('one whose processes are others by now is left alone', async () => {
    const { container, members, target } = await started();
    const outcome = await killRunaway(
      { mode: 'on', members: members.map((each) => ({ ...each, startTime: 1 })), container: target, graceMs: 0 },
      { engine: containerEngine(scene.host) },
    );
    expect(outcome.result).toBe('identity-changed');
    expect((await container.inspect()).State.Running).toBe(true);
  });

  test('the directory knows what runs, hears of what starts, and keeps it while the engine is away', async () => {
    const proxy = await engineProxy(scene.host);
    closing.push(() => proxy.cut());
    const before = await started();
    const directory = follow(proxy.host);
    await eventually(() => expect(directory.known.get(before.target.id)?.name).toBe(before.target.name));
    const after = await started({ labels: { 'com.docker.compose.service': 'crm' } });
    await eventually(
      () => expect(directory.known.get(after.target.id)?.labels).toEqual({ 'com.docker.compose.service': 'crm' }),
      {
        within: 5000,
      },
    );
    await proxy.cut();
    expect(directory.known.get(after.target.id)?.name).toBe(after.target.name);
    await proxy.mend();
  });

  test('of three real containers the one of a protected service and the unknown one are spared, the third is ended as one', async () => {
    const compose = { 'com.docker.compose.project': 'crm', 'com.docker.compose.service': 'web' };
    const guarded = await started({ labels: compose });
    const hog = await started({ command: ['sh', '-c', 'sleep 600 & sleep 600'] });
    const directory = follow(scene.host);
    await eventually(() => expect(directory.known.has(hog.target.id)).toBe(true));
    const unknown = await started();
    const known = new Map([...directory.known].filter(([id]) => id !== unknown.target.id));
    const ids = [guarded, hog, unknown].map(({ target }) => target.id);
    const rules: OwnerRule[] = [
      { service: 'crm', protected: true, compose: { project: '/srv/crm', service: 'web' } },
      // Nobody else on this machine may be a victim.
      { service: 'ours', protected: false, containers: ids },
    ];
    // Tiny processes, so that every size is a size.
    const policy = { ...defaultRunawayPolicy, mode: 'on' as const, owners: rules };
    const facts = ramFacts(processUsage(null, readProcessTable()), {
      own: { pid: process.pid, alsoOurs: [] },
      containers: { known, own: [] },
      sample: { ...ramFacts([]).sample, ramTotalBytes: 1_048_576 },
    });
    const plan = decideRunaway(facts, policy, facts.sample.at);
    expect(plan).toMatchObject({ container: hog.target });
    expect(plan?.members).toHaveLength(
      readProcessTable().processes.filter(({ cgroup }) => cgroup?.includes(hog.target.id)).length,
    );
    if (plan === null) return;
    expect(await killRunaway(plan, { engine: containerEngine(scene.host), ...PATIENT })).toMatchObject({
      by: 'engine',
      refused: null,
    });
    for (const { members } of [guarded, unknown]) {
      for (const { pid } of members) expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/^\d+ \(busybox\) [SR]/);
    }
  });

  test('what a container lives by is not ended where something protected would go with it, as it does', async () => {
    const { container, members, target } = await started({ command: ['sh', '-c', 'sleep 600 & sleep 600'] });
    const directory = follow(scene.host);
    await eventually(() => expect(directory.known.has(target.id)).toBe(true));
    const [main] = members;
    if (main === undefined) throw new Error('it has no process');
    const entering = await container.exec({ Cmd: ['/bin/busybox', 'sleep', '601'] });
    await entering.start({ Detach: true });
    const guarded = await eventually(async () => {
      const { Pid, Running } = await entering.inspect();
      expect(Running && Pid > 0).toBe(true);
      return Pid;
    });
    const decide = (...rules: OwnerRule[]) => {
      const policy = { ...defaultRunawayPolicy, mode: 'on' as const };
      const facts = ramFacts(processUsage(null, readProcessTable()), {
        own: { pid: process.pid, alsoOurs: [] },
        containers: { known: directory.known, own: [] },
        sample: { ...ramFacts([]).sample, ramTotalBytes: 1_048_576 },
      });
      return decideRunaway(
        facts,
        { ...policy, owners: [{ service: 'ours', protected: false, pids: [main.pid] }, ...rules] },
        facts.sample.at,
      );
    };
    expect(decide({ service: 'guarded', protected: true, pids: [guarded] })).toBeNull();
    // The control: without the rule the container is ended as one, and all that is in it is gone.
    const plan = decide();
    expect(plan).toMatchObject({ container: target, members: [{ pid: main.pid }] });
    if (plan === null) return;
    const outcome = await killRunaway(plan, { engine: containerEngine(scene.host), ...PATIENT });
    expect(outcome).toMatchObject({ by: 'engine', refused: null });
    await eventually(() => expect(existsSync(`/proc/${guarded}`)).toBe(false));
    expect((await container.inspect()).State.Running).toBe(false);
  });
});
