import fc from 'fast-check';
import type { KnownContainer } from '../../src/decide/runaway-container.js';
import { defaultRunawayPolicy, type RunawayPolicy } from '../../src/decide/runaway-policy.js';
import { CommandLine, type ProcessFact } from '../../src/decide/runaway-process.js';
import type { RunawayFacts } from '../../src/decide/runaway-types.js';

export const gib = 1_073_741_824;
export const now = 5_000_000;

/** An ordinary process of user 1000 with nothing remarkable about it. */
export function proc(
  pid: number,
  over: Partial<Omit<ProcessFact, 'commandLine'>> & { commandLine?: string | null } = {},
): ProcessFact {
  const { commandLine = `/usr/bin/worker --id ${pid}`, ...rest } = over;
  return {
    pid,
    ppid: 50,
    processGroup: pid,
    session: 50,
    terminal: false,
    startTime: 1000 + pid,
    name: 'worker',
    program: 'worker',
    uid: 1000,
    state: 'S',
    nice: 0,
    rssBytes: gib,
    oomScoreAdj: 0,
    cgroup: '0::/user.slice',
    kernelThread: false,
    cpuPercent: 1,
    ...rest,
    commandLine: commandLine === null ? null : new CommandLine(commandLine),
  };
}

/** Containers: of a protected service, of nobody, of a service that may be ended, and one that the engine does not know. */
export const [CRM, OTHER, SWARM, UNKNOWN] = ['c', 'd', 'e', 'f'].map((digit) => digit.repeat(64)) as [
  string,
  string,
  string,
  string,
];
const known = new Map<string, KnownContainer>([
  [CRM, { id: CRM, name: 'crm-1', labels: {} }],
  [OTHER, { id: OTHER, name: 'other-1', labels: {} }],
  [
    SWARM,
    { id: SWARM, name: 'swarm-1', labels: { 'com.docker.compose.project': 'swarm', 'com.docker.compose.service': 'worker' } },
  ],
]);

/** Facts of a RAM emergency on a host of 16 GiB. */
export function ramFacts(processes: readonly ProcessFact[], over: Partial<RunawayFacts> = {}): RunawayFacts {
  return {
    level: 'emergency',
    sample: { at: now, ramPercent: 94, ramTotalBytes: 16 * gib, cpuPercent: 20, cpuPressure: 1 },
    cpuOverSince: null,
    pressedSince: null,
    processes,
    own: { pid: 40, alsoOurs: [41] },
    containers: { known, own: [] },
    withinGroup: null,
    killing: false,
    previous: null,
    givenUp: [],
    ...over,
  };
}

/** Facts of a CPU emergency that has lasted a minute, with many tasks waiting. */
export function cpuFacts(processes: readonly ProcessFact[], over: Partial<RunawayFacts> = {}): RunawayFacts {
  return ramFacts(processes, {
    sample: { at: now, ramPercent: 30, ramTotalBytes: 16 * gib, cpuPercent: 100, cpuPressure: 99 },
    cpuOverSince: now - 60_000,
    pressedSince: now - 60_000,
    ...over,
  });
}

/** Kills, and takes processes that nobody described. */
export const eager: RunawayPolicy = { ...defaultRunawayPolicy, mode: 'on', unknownOwners: 'eligible' };

/** Names a protected service and an unprotected one in every way there is. */
export const owners: RunawayPolicy['owners'] = [
  {
    service: 'crm',
    protected: true,
    names: ['postgres', 'a-name-longer-than-fifteen'],
    patterns: [/crm-server/],
    pids: [77],
    users: [999],
    containers: ['0123456789ab'],
    containerNames: ['crm-1'],
  },
  {
    service: 'swarm',
    protected: false,
    names: ['kimi-agent'],
    patterns: [/swarm-worker/],
    compose: { project: '/srv/swarm', service: 'worker' },
  },
];

/** Mostly the ordinary value, so that many tables have somebody who may be chosen, and any of the others at times. */
function mostly<T>(ordinary: T, ...others: T[]): fc.Arbitrary<T> {
  return fc.oneof({ arbitrary: fc.constant(ordinary), weight: 8 }, { arbitrary: fc.constantFrom(...others), weight: 2 });
}

/** Tables with every kind of process, and with rings, missing parents and reused numbers. */
export const anyTable = fc
  .uniqueArray(
    fc.record({
      pid: fc.integer({ min: 1, max: 400 }),
      ppid: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 400, max: 900 })),
      // Few groups, so that many share one.
      processGroup: fc.integer({ min: 0, max: 12 }),
      startTime: fc.integer({ min: 1, max: 10_000 }),
      name: mostly(
        'worker',
        'postgres',
        'kimi-agent',
        'kimi-agent',
        'systemd',
        'sshd',
        'a-name-longer-t',
        'node',
        'bash',
        'tmux: server',
      ),
      program: mostly<string | null>('worker', 'postgres', 'node', '-bash', null),
      terminal: fc.boolean(),
      session: fc.integer({ min: 1, max: 400 }),
      uid: mostly(1000, 0, 999, 1001),
      state: mostly('S', 'R', 'D', 'Z', 'X', 'T'),
      rssBytes: fc.integer({ min: 0, max: 16 }).map((size) => size * gib),
      oomScoreAdj: mostly<number | null>(0, -1000, -500, 1000, null),
      cgroup: mostly<string | null>(
        '0::/user.slice',
        '0::/docker/0123456789abcdef',
        '0::/docker/ffffffffffff',
        // More of one, so that it has others in it.
        ...Array.from({ length: 8 }, () => `0::/docker/${OTHER}`),
        `0::/system.slice/docker-${SWARM}.scope`,
        `0::/docker/${CRM}`,
        `0::/docker/${UNKNOWN}`,
        '0::/system.slice/x.service',
        null,
      ),
      kernelThread: mostly(false, true),
      cpuPercent: fc.option(fc.integer({ min: 0, max: 800 }), { nil: null }),
      commandLine: mostly<string | null>(
        '/usr/bin/worker',
        'node crm-server.js',
        'node swarm-worker.js',
        'nightly-restore.sh',
        '',
        null,
      ),
    }),
    { selector: (each) => each.pid, maxLength: 60 },
  )
  .map((table) => table.map(({ pid, ...rest }) => proc(pid, rest)));
