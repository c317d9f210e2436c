import { type InventoryService, isProtected, type OpsConfig } from '@ops/shared/config';
import { mattersFrom } from './level-interval.js';
import { type LevelPolicy, levelPolicy } from './level-policy.js';
import { defaultRunawayPolicy, type OwnerRule, type RunawayPolicy } from './runaway-policy.js';

type GuardConfig = OpsConfig['guard'];

/** ops.yaml's guard section as the policy of the level decision. */
export function levelPolicyOf({ cpu, ram, disk, interval, reports }: GuardConfig): LevelPolicy {
  return levelPolicy(
    { cpu, ram, disk },
    {
      cpuEnterMs: cpu.enter,
      cpuCalmMs: cpu.calm,
      cpuMargin: cpu.margin,
      ramEnterMs: ram.enter,
      ramCalmMs: ram.calm,
      ramMargin: ram.margin,
      diskEnterMs: disk.enter,
      diskCalmMs: disk.calm,
      diskMargin: disk.margin,
      reportCalmMs: reports.calm,
      // Blind is three intervals without a reading; a hiccup of a fast sampler is not blindness.
      intervalMs: Math.max(interval, 1000),
    },
  );
}

/** ops.yaml's guard section as the sampler of the host is told it. */
export function samplingOf(guard: GuardConfig): {
  readonly mounts: readonly string[];
  readonly ramMattersFromPercent: number;
  readonly diskMattersFromPercent: number;
} {
  const { ram, disk } = levelPolicyOf(guard);
  return { mounts: guard.disks, ramMattersFromPercent: mattersFrom(ram), diskMattersFromPercent: mattersFrom(disk) };
}

/**
 * ops.yaml's runaway section and inventory as the policy of the runaway decision.
 * @param neverUsers the numbers of the users whom `guard.runaway.never` names
 */
export function runawayPolicyOf(
  guard: GuardConfig,
  services: readonly InventoryService[],
  neverUsers: readonly number[],
): RunawayPolicy {
  const { runaway } = guard;
  return {
    ...defaultRunawayPolicy,
    mode: runaway.mode,
    owners: [
      ...services.map((service) => ownerRule(service, runaway.eligible)),
      {
        service: 'ops.yaml: guard.runaway.eligible',
        protected: false,
        names: runaway.eligible.names,
        patterns: runaway.eligible.commands.map(literal),
      },
    ],
    unknownOwners: runaway.unknown,
    neverNames: [...defaultRunawayPolicy.neverNames, ...runaway.never.filter((one) => typeof one === 'string')],
    neverPatterns: runaway.never.flatMap((one) => (typeof one === 'object' && 'command' in one ? [literal(one.command)] : [])),
    neverUsers,
    spareRootDaemons: runaway.spare_root_daemons,
    ram: {
      abovePercent: guard.ram.emergency,
      minSharePercent: runaway.ram.min_share,
      graceMs: runaway.ram.grace,
      urgentPercent: runaway.ram.urgent_above,
      urgentGraceMs: runaway.ram.urgent_grace,
    },
    cpu: {
      ...defaultRunawayPolicy.cpu,
      abovePercent: guard.cpu.emergency,
      sustainedMs: runaway.cpu.sustained,
      minPressurePercent: runaway.cpu.min_pressure,
      minCorePercent: runaway.cpu.min_core,
      graceMs: runaway.cpu.grace,
    },
    settleMs: runaway.settle,
  };
}

function ownerRule(service: InventoryService, eligible: GuardConfig['runaway']['eligible']): OwnerRule {
  return {
    service: service.name,
    protected: isProtected(service, eligible),
    names: service.processes.names,
    patterns: service.processes.commands.map(literal),
    containerNames: [service.container, service.health.kind === 'docker' ? service.health.docker.container : undefined].filter(
      (name) => name !== undefined,
    ),
    compose: service.compose,
  };
}

const literal = (text: string): RegExp => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
