import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { decideRunaway, previousAfter } from '../../src/decide/runaway.js';
import { defaultRunawayPolicy, type RunawayPolicy } from '../../src/decide/runaway-policy.js';
import type { ProcessFact } from '../../src/decide/runaway-process.js';
import type { PreviousKill } from '../../src/decide/runaway-types.js';
import { cpuFacts, eager, gib, now, owners, proc, ramFacts } from './runaway-tables.js';

const hog = proc(200, { rssBytes: 9 * gib, name: 'hog' });
const burner = proc(201, { cpuPercent: 97, name: 'burner' });
const victim = (processes: ProcessFact[], policy: RunawayPolicy = eager) =>
  decideRunaway(ramFacts(processes), policy, now)?.victim.pid ?? null;

describe('when', () => {
  test('only at emergency, and never when it is off', () => {
    for (const level of ['normal', 'warn', 'critical', 'unknown'] as const) {
      expect(decideRunaway(ramFacts([hog], { level }), eager, now)).toBeNull();
    }
    expect(decideRunaway(ramFacts([hog]), { ...eager, mode: 'off' }, now)).toBeNull();
    expect(decideRunaway(ramFacts([hog]), eager, now)?.victim.pid).toBe(200);
  });

  test('not on a report alone: our own newest sample must say so', () => {
    const sample = { ...ramFacts([]).sample, ramPercent: 92 };
    expect(decideRunaway(ramFacts([hog], { sample }), eager, now)).toBeNull();
    expect(decideRunaway(ramFacts([hog], { sample: { ...sample, ramPercent: null } }), eager, now)).toBeNull();
  });

  test.each([
    ['proven', {}, 201],
    ['not long enough', { cpuOverSince: now - 29_999 }, null],
    ['no proof', { cpuOverSince: null }, null],
    ['somebody waits for a moment only', { pressedSince: now - 29_999 }, null],
    ['nobody waited so far', { pressedSince: null }, null],
    ['full, but nobody waits (nice 19)', { sample: { ...cpuFacts([]).sample, cpuPressure: 1.3 } }, null],
    ['no pressure known', { sample: { ...cpuFacts([]).sample, cpuPressure: null } }, null],
    ['calm again', { sample: { ...cpuFacts([]).sample, cpuPercent: 95 } }, null],
  ])('CPU: %s', (_, over, expected) => {
    expect(decideRunaway(cpuFacts([proc(60), burner], over), eager, now)?.victim.pid ?? null).toBe(expected);
  });

  test('a batch that gives way is no victim for CPU, and one for RAM', () => {
    const batch = proc(202, { cpuPercent: 190, nice: 19, rssBytes: 9 * gib });
    expect(decideRunaway(cpuFacts([batch]), eager, now)).toBeNull();
    expect(decideRunaway(cpuFacts([batch, burner]), eager, now)?.victim.pid).toBe(201);
    expect(decideRunaway(ramFacts([batch]), eager, now)?.victim.pid).toBe(202);
  });

  test('RAM needs no further proof, and comes before CPU', () => {
    const plan = decideRunaway(cpuFacts([hog, burner], { sample: { ...cpuFacts([]).sample, ramPercent: 93 } }), eager, now);
    expect(plan).toMatchObject({ metric: 'ram', victim: { pid: 200 }, graceMs: 1_000 });
  });

  test('the grace time is shorter when memory will not last', () => {
    const plan = decideRunaway(ramFacts([hog], { sample: { ...ramFacts([]).sample, ramPercent: 97 } }), eager, now);
    expect(plan?.graceMs).toBe(250);
  });
});

describe('who', () => {
  test('where the limit is of our own group, only who is in that group: ending others frees nothing', () => {
    const inside = proc(70, { rssBytes: 2 * gib, cgroup: '0::/ours\n' });
    const outside = proc(71, { rssBytes: 9 * gib, cgroup: '0::/other\n' });
    const plan = decideRunaway(ramFacts([inside, outside], { withinGroup: '0::/ours\n' }), eager, now);
    expect(plan?.victim.pid).toBe(70);
    expect(decideRunaway(ramFacts([outside], { withinGroup: '0::/ours\n' }), eager, now)).toBeNull();
  });

  test('the largest by memory; of equals the youngest', () => {
    expect(victim([proc(60, { rssBytes: 3 * gib }), hog, proc(61, { rssBytes: 2 * gib })])).toBe(200);
    expect(victim([proc(60, { startTime: 5 }), proc(61, { startTime: 9 }), proc(62, { startTime: 7 })])).toBe(61);
  });

  test('nobody below the smallest share: innocents are not ended for nothing', () => {
    expect(victim([proc(60, { rssBytes: 0.79 * gib })])).toBeNull();
    expect(victim([proc(60, { rssBytes: 0.81 * gib })])).toBe(60);
    expect(decideRunaway(cpuFacts([proc(60, { cpuPercent: 14 })]), eager, now)).toBeNull();
    expect(decideRunaway(cpuFacts([proc(60, { cpuPercent: null })]), eager, now)).toBeNull();
  });

  test.each<[string, ProcessFact[]]>([
    ['process 1', [proc(1, { rssBytes: 9 * gib })]],
    ['process 2', [proc(2, { rssBytes: 9 * gib })]],
    ['a kernel thread', [proc(200, { kernelThread: true })]],
    ['a child of process 2', [proc(200, { ppid: 2 })]],
    ['ourselves', [proc(40)]],
    ['our Redis', [proc(41)]],
    ['our grandchild', [proc(200, { ppid: 201, rssBytes: gib }), proc(201, { ppid: 40, rssBytes: 0 })]],
    ['our supervisor', [proc(40, { ppid: 200, rssBytes: 0 }), proc(200)]],
    ['a zombie', [proc(200, { state: 'Z' })]],
    ['exempt from the OOM killer', [proc(200, { oomScoreAdj: -1000 })]],
    ['a never-named one', [proc(200, { name: 'containerd-shim', program: 'containerd-shim-runc-v2' })]],
    ['a daemon of root', [proc(200, { uid: 0, ppid: 1 })]],
    ['a service of root', [proc(200, { uid: 0, cgroup: '0::/system.slice/ollama.service' })]],
    ['not fully read: command line', [proc(200, { commandLine: null })]],
    ['child of one that is not fully read', [proc(200, { ppid: 201 }), proc(201, { commandLine: null, rssBytes: 0 })]],
    ['not fully read: cgroup', [proc(200, { cgroup: null })]],
    ['not fully read: user', [proc(200, { uid: null })]],
    ['not fully read: oom_score_adj', [proc(200, { oomScoreAdj: null })]],
    ['protected by name', [proc(200, { name: 'postgres' })]],
    ['protected by a name that the kernel cut', [proc(200, { name: 'a-name-longer-t' })]],
    ['protected by argv[0]', [proc(200, { program: 'postgres' })]],
    ['protected by pattern', [proc(200, { commandLine: 'node /srv/crm-server.js' })]],
    ['protected by pid', [proc(77)]],
    ['protected by user', [proc(200, { uid: 999 })]],
    ['protected by container', [proc(200, { cgroup: '0::/docker/0123456789abcdef0123' })]],
    ['child of a protected one', [proc(200, { ppid: 201 }), proc(201, { name: 'postgres', rssBytes: 0 })]],
    ['protected and unprotected at once', [proc(200, { name: 'kimi-agent', commandLine: 'node crm-server.js' })]],
  ])('never %s', (_, table) => {
    expect(victim(table, { ...eager, owners })).toBeNull();
  });

  test('a process of a container that runs as root is no daemon of the host', () => {
    expect(victim([proc(200, { uid: 0, ppid: 1, cgroup: '0::/docker/ffffffffffff' })])).toBe(200);
    expect(victim([proc(200, { uid: 0, ppid: 1 })], { ...eager, spareRootDaemons: false })).toBe(200);
  });

  test('unknown owners are spared unless the policy says otherwise; named ones are not', () => {
    const policy: RunawayPolicy = { ...defaultRunawayPolicy, mode: 'on', owners };
    expect(victim([hog], policy)).toBeNull();
    expect(victim([hog, proc(201, { name: 'kimi-agent' })], policy)).toBe(201);
    const plan = decideRunaway(ramFacts([hog, proc(201, { name: 'kimi-agent' })]), policy, now);
    expect(plan?.victim.service).toBe('swarm');
    expect(plan?.evidence.spared).toEqual([expect.objectContaining({ pid: 200, why: 'unknown-owner' })]);
  });

  test('a pattern with state (g) answers the same every time', () => {
    const policy: RunawayPolicy = { ...eager, owners: [{ service: 'crm', protected: true, patterns: [/worker/g] }] };
    for (let i = 0; i < 3; i++) expect(victim([hog], policy)).toBeNull();
  });
});

describe('shells of the operator', () => {
  const tty = { terminal: true };
  const leader = { session: 200, ...tty };
  const named = (name: string, over: Parameters<typeof proc>[1] = {}): Parameters<typeof proc>[1] => ({
    name,
    program: name,
    commandLine: name,
    ...over,
  });

  test.each<[string, Parameters<typeof proc>[1]]>([
    ['a shell that leads a session with a terminal', named('zsh', leader)],
    ['the same, whatever it was started with', named('bash', { ...leader, commandLine: 'bash /home/me/setup.sh' })],
    ['a login shell', named('bash', { program: '-bash', commandLine: '-bash' })],
    ['a shell within a shell', named('fish', tty)],
    ['a shell with options', named('bash', { ...tty, commandLine: 'bash --norc -i' })],
    ['tmux', named('tmux: server', { program: 'tmux', commandLine: 'tmux new -s work' })],
    ['screen', named('screen', { name: 'SCREEN', program: 'SCREEN' })],
    ['a connection of mosh', named('mosh-server')],
    ['sudo', named('sudo', { commandLine: 'sudo -s' })],
  ])('%s is none, whatever the mode says', (_, over) => {
    expect(victim([proc(200, over)])).toBeNull();
    const policy: RunawayPolicy = { ...eager, owners: [{ service: 'mine', protected: false, pids: [200] }] };
    expect(decideRunaway(ramFacts([proc(200, over)]), policy, now)).toBeNull();
  });

  test.each<[string, Parameters<typeof proc>[1]]>([
    ['a script in a terminal', named('bash', { ...tty, commandLine: 'bash train.sh' })],
    ['a command that was given to a shell', named('sh', { ...tty, commandLine: 'sh -c train' })],
    ['a shell of no terminal', named('bash', { session: 200 })],
    ['a session of a terminal that is no shell', named('train', leader)],
  ])('%s may be ended', (_, over) => {
    expect(victim([proc(200, over)])).toBe(200);
  });

  test('what it started in a group of its own may be ended, what shares its group not', () => {
    const shell = proc(60, named('bash', { session: 60, ...tty, rssBytes: 0 }));
    const job = proc(200, { ppid: 60, rssBytes: 2 * gib });
    const part = proc(201, { ppid: 60, processGroup: 60, rssBytes: 9 * gib });
    const plan = decideRunaway(ramFacts([shell, job, part]), eager, now);
    expect(plan?.members.map(({ pid }) => pid)).toEqual([200]);
    expect(plan?.evidence.spared).toContainEqual(expect.objectContaining({ pid: 201, why: 'operator-shell' }));
  });
});

describe('one at a time', () => {
  const gone = (over: Partial<PreviousKill> = {}): PreviousKill => ({
    members: [hog],
    result: 'killed',
    at: now,
    ...over,
  });
  const next = proc(300, { rssBytes: 2 * gib });
  const at = (previous: PreviousKill, sampleAt: number, processes = [next]) => {
    const sample = { ...ramFacts([]).sample, at: sampleAt };
    return decideRunaway(ramFacts(processes, { previous, sample }), eager, sampleAt)?.victim.pid ?? null;
  };

  test('nobody while a plan is being carried out', () => {
    expect(decideRunaway(ramFacts([next], { killing: true }), eager, now)).toBeNull();
  });

  test('a clock that was set back by an hour does not keep the next from being ended for an hour', () => {
    expect(at(gone(), now - 3_600_000)).toBe(300);
  });

  test.each(['killed', 'terminated', 'already-gone', 'identity-changed'] as const)(
    'after %s memory is measured again first',
    (result) => {
      expect(at(gone({ result }), now + 249)).toBeNull();
      expect(at(gone({ result }), now + 250)).toBe(300);
    },
  );

  test('a victim that cannot die holds up the next one, but not for ever, and is not chosen again', () => {
    expect(at(gone({ result: 'survived' }), now + 29_999, [hog, next])).toBeNull();
    expect(at(gone({ result: 'survived' }), now + 30_000, [hog, next])).toBe(300);
    expect(at(gone({ result: 'survived' }), now + 500, [next])).toBe(300);
  });

  test('one that we may not signal is passed over', () => {
    expect(at(gone({ result: 'not-permitted' }), now, [hog, next])).toBe(300);
    expect(decideRunaway(ramFacts([hog, next], { givenUp: [hog] }), eager, now)?.victim.pid).toBe(300);
  });

  test('a reused number is another process', () => {
    expect(decideRunaway(ramFacts([hog], { givenUp: [{ pid: 200, startTime: 1 }] }), eager, now)?.victim.pid).toBe(200);
  });

  test('the proof for CPU begins anew after a kill', () => {
    const facts = (ago: number) => cpuFacts([burner], { previous: gone({ at: now - ago }) });
    expect(decideRunaway(facts(29_999), eager, now)).toBeNull();
    expect(decideRunaway(facts(30_000), eager, now)?.victim.pid).toBe(201);
  });

  test('a dry run names the same victim once a minute', () => {
    const dry: RunawayPolicy = { ...eager, mode: 'dry-run' };
    const facts = (ago: number) => ramFacts([hog], { previous: gone({ result: 'dry-run', at: now - ago }) });
    expect(decideRunaway(facts(59_999), dry, now)).toBeNull();
    expect(decideRunaway(facts(60_000), dry, now)).toMatchObject({ mode: 'dry-run', victim: { pid: 200 } });
  });

  test('a dry run names each of two that are the largest by turns once a minute', () => {
    const dry: RunawayPolicy = { ...eager, mode: 'dry-run' };
    const named: number[] = [];
    let previous: PreviousKill | null = null;
    for (let second = 0; second < 120; second += 1) {
      const at = now + second * 1000;
      const other = proc(202, { rssBytes: (second % 2 === 0 ? 8 : 10) * gib, name: 'other' });
      const facts = ramFacts([hog, other], { previous, sample: { ...ramFacts([]).sample, at } });
      const plan = decideRunaway(facts, dry, at);
      if (plan === null) continue;
      named.push(plan.victim.pid);
      previous = previousAfter(previous, { members: plan.members, result: 'dry-run', at }, dry);
    }
    expect(named).toEqual([200, 202, 200, 202]);
  });
});

describe('evidence', () => {
  test('shows the ten largest each way and what was spared, and no argument of any command line', () => {
    const secret = 'hunter2-canary';
    const table = Array.from({ length: 30 }, (_, i) =>
      proc(300 + i, { rssBytes: (1 + i / 10) * gib, cpuPercent: 30 - i, commandLine: `worker --password=${secret}` }),
    );
    const facts = ramFacts([...table, proc(77, { rssBytes: 8 * gib, commandLine: `crm ${secret}` })]);
    const plan = decideRunaway(facts, { ...eager, owners }, now);
    expect(plan?.victim).toMatchObject({ pid: 329, name: 'worker' });
    expect(plan?.evidence.byRss.map((each) => each.pid)).toEqual([77, 329, 328, 327, 326, 325, 324, 323, 322, 321]);
    expect(plan?.evidence.byCpu[0]?.pid).toBe(300);
    expect(plan?.evidence.byCpu).toHaveLength(10);
    expect(plan?.evidence.spared).toEqual([expect.objectContaining({ pid: 77, why: 'protected-service' })]);
    expect(plan?.reason).toBe('RAM is at 94.0 %, above 92 %; worker (329) holds the most of what may be ended: 3994 MiB.');
    for (const shown of [
      JSON.stringify(plan),
      JSON.stringify(facts),
      inspect(facts, { depth: 9 }),
      String(table[0]?.commandLine),
    ]) {
      expect(shown).not.toContain(secret);
    }
  });
});
