import { describe, expect, test } from 'vitest';
import { decideRunaway } from '../../src/decide/runaway.js';
import { containerIds, namesContainer } from '../../src/decide/runaway-container.js';
import { defaultRunawayPolicy, type RunawayPolicy } from '../../src/decide/runaway-policy.js';
import type { ProcessFact } from '../../src/decide/runaway-process.js';
import { CRM, eager, gib, now, OTHER, owners, proc, ramFacts, SWARM, UNKNOWN } from './runaway-tables.js';

const inside = (id: string, pid: number, over: Parameters<typeof proc>[1] = {}) =>
  proc(pid, { cgroup: `0::/docker/${id}\n`, ppid: 20, processGroup: 500, ...over });
const decide = (table: ProcessFact[], policy: RunawayPolicy = { ...eager, owners }, own: string[] = []) => {
  const facts = ramFacts(table);
  return decideRunaway({ ...facts, containers: { ...facts.containers, own } }, policy, now);
};
const spared = (table: ProcessFact[], policy?: RunawayPolicy) => {
  const plan = decide([proc(900, { rssBytes: gib }), ...table.map((each) => ({ ...each, rssBytes: 9 * gib }))], policy);
  expect(plan?.members.map(({ pid }) => pid)).toEqual([900]);
  return plan?.evidence.spared.map(({ why }) => why);
};

test.each([
  ['version 1', `9:name=systemd:/docker/${CRM}\n4:memory:/docker/${CRM}\n0::/docker/${CRM}\n`, [CRM]],
  ['version 2 with systemd', `0::/system.slice/docker-${CRM}.scope\n`, [CRM]],
  ['Kubernetes', `0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-${CRM}.scope\n`, [CRM]],
  ['seen from another container', `0::/../${CRM}\n`, [CRM]],
  ['within another', `0::/docker/${CRM}/docker/${OTHER}\n`, [CRM, OTHER]],
  ['something below it', `0::/docker/${CRM}/init.scope\n`, [CRM]],
  ['none', '0::/user.slice/user-1000.slice\n', []],
  ['a number that is too short', `0::/docker/${CRM.slice(1)}\n`, []],
  ['that of the watcher of Podman', `0::/machine.slice/libpod-conmon-${CRM}.scope\n`, []],
  ['not read', null, []],
])('the ids in a control group: %s', (_, cgroup, ids) => {
  expect(containerIds(cgroup)).toEqual(ids);
});

test.each<[string, Record<string, string>, boolean]>([
  ['its folder', { 'com.docker.compose.project.working_dir': '/srv/CRM 2', 'com.docker.compose.service': 'web' }, true],
  ['its project', { 'com.docker.compose.project': 'crm2', 'com.docker.compose.service': 'web' }, true],
  ['another service of it', { 'com.docker.compose.project': 'crm2', 'com.docker.compose.service': 'db' }, false],
  ['another project', { 'com.docker.compose.project': 'crm', 'com.docker.compose.service': 'web' }, false],
  ['a stack of a Swarm', { 'com.docker.stack.namespace': 'x', 'com.docker.swarm.service.name': 'x_web' }, true],
  ['nothing', {}, false],
])('a service of a Compose file is known by %s', (_, labels, expected) => {
  const rule = { compose: { project: '/srv/CRM 2', service: 'web' } };
  expect(namesContainer(rule, { id: CRM, name: 'any', labels })).toBe(expected);
});

describe('a container', () => {
  test('is one unit with all that is in it, whatever its process groups', () => {
    const plan = decide([
      inside(OTHER, 300),
      inside(OTHER, 301, { processGroup: 301, rssBytes: 2 * gib }),
      proc(60, { rssBytes: 2 * gib }),
    ]);
    expect(plan?.container).toEqual({ id: OTHER, name: 'other-1' });
    expect(plan?.members.map(({ pid }) => pid)).toEqual([301, 300]);
    expect(plan?.reason).toContain('container other-1, worker (301) and 1 more, holds the most of what may be ended: 3072 MiB');
  });

  test('of a project that goes by another name than its folder: every container of that service’s name is spared', () => {
    const owner = { service: 'crm', protected: true, compose: { project: '/srv/crm', service: 'worker' } };
    const victims = (labels: Record<string, string>) =>
      decideRunaway(
        ramFacts([inside(OTHER, 300)], {
          containers: { known: new Map([[OTHER, { id: OTHER, name: 'other-1', labels }]]), own: [] },
        }),
        { ...eager, owners: [owner] },
        now,
      )?.members.length ?? 0;
    expect(victims({ 'com.docker.compose.project': 'renamed', 'com.docker.compose.service': 'worker' })).toBe(0);
    expect(victims({ 'com.docker.compose.project': 'renamed', 'com.docker.compose.service': 'web' })).toBe(1);
  });

  test('of a protected service is spared, by its name', () => {
    expect(spared([inside(CRM, 300)])).toEqual(['protected-service']);
  });

  test('that the engine does not know is spared where the inventory names containers, and never guessed', () => {
    expect(spared([inside(UNKNOWN, 300)])).toEqual(['unknown-container']);
    expect(decide([inside(UNKNOWN, 300)], eager)?.container).toEqual({ id: UNKNOWN, name: null });
  });

  test('of a service that may be ended is named by its labels, where nobody else may be', () => {
    const policy: RunawayPolicy = { ...defaultRunawayPolicy, mode: 'on', owners };
    expect(decide([inside(OTHER, 300, { rssBytes: 9 * gib }), inside(SWARM, 301)], policy)).toMatchObject({
      container: { id: SWARM },
      victim: { pid: 301, service: 'swarm' },
    });
  });

  test.each<[string, Parameters<typeof proc>[1]]>([
    ['a shell of the operator', { name: 'bash', program: 'bash', terminal: true, session: 302 }],
    ['a database of the inventory', { name: 'postgres' }],
    ['one that is not read whole', { commandLine: null }],
    ['one of which only the name is read', { commandLine: null, cgroup: null, uid: null, oomScoreAdj: null }],
    ['one that may not be killed for memory', { oomScoreAdj: -1000 }],
  ])('that holds %s is not ended as one: the process groups in it are', (_, over) => {
    const first = inside(OTHER, 299, { startTime: 1, processGroup: 299, rssBytes: 0 });
    const oldest = inside(OTHER, 298, { startTime: 2, ppid: 299, processGroup: 298, rssBytes: 0 });
    const [one, two] = [300, 301].map((pid) => inside(OTHER, pid, { ppid: 299 }));
    const other = inside(OTHER, 302, { ppid: 299, processGroup: 302, rssBytes: 0, ...over });
    const plan = decide([first, oldest, one as ProcessFact, two as ProcessFact, other]);
    expect(plan?.container).toBeNull();
    expect(plan?.members.map(({ pid }) => pid)).toEqual([300, 301]);
  });

  test('takes its first process with it, which has no say of its own', () => {
    const init = inside(OTHER, 299, { name: 'tini', program: 'tini', processGroup: 299, rssBytes: 0 });
    const policy: RunawayPolicy = {
      ...eager,
      unknownOwners: 'spare',
      owners: [...owners, { service: 'x', protected: false, pids: [300] }],
    };
    expect(decide([init, inside(OTHER, 300)], policy)).toMatchObject({ container: { id: OTHER }, members: [{ pid: 300 }] });
    expect(decide([proc(200, { name: 'tini' })])).toBeNull();
  });

  test('that we run in ourselves is never ended as one', () => {
    expect(decide([inside(OTHER, 300), inside(OTHER, 301, { processGroup: 301 })], eager, [OTHER])).toMatchObject({
      container: null,
      members: [{ pid: 301 }],
    });
  });

  test('within ours is the one that counts', () => {
    const nested = proc(300, { cgroup: `0::/docker/${CRM}/docker/${OTHER}` });
    expect(decide([nested], { ...eager, owners }, [CRM])?.container?.id).toBe(OTHER);
  });
});
