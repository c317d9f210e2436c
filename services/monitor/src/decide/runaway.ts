import { containerMains, keptContainers, takesKept } from './container-mains.js';
import { evidenceFor, reasonFor } from './runaway-evidence.js';
import type { RunawayPolicy } from './runaway-policy.js';
import { describeProcess, type ProcessFact, type ProcessIdentity } from './runaway-process.js';
import { type Judged, judgeProcesses } from './runaway-sparing.js';
import type { ChoiceFacts, ChoicePolicy, PreviousKill, RunawayFacts, RunawayPlan, Victim } from './runaway-types.js';
import { type Metric, nameGiver, rankUnits } from './runaway-unit.js';

/**
 * Chooses at most one unit, or null: a process with what else of its process group may be ended, or a container. Only at emergency, only on our own readings (a report alone kills nothing), and
 * only while the newest sample still says so. RAM comes first and needs no further proof; CPU needs `sustainedMs` over
 * its bound and pressure over its bar. After a kill nothing is chosen until the victim is gone and a sample taken
 * `settleMs` later still shows the emergency.
 */
export function decideRunaway(facts: RunawayFacts, policy: RunawayPolicy, now: number): RunawayPlan | null {
  // Who may be ended is judged only where it matters.
  return facts.level === 'emergency' && !facts.killing ? chooseVictim(judgedFacts(facts, policy), policy, now) : null;
}

/** The facts with a verdict on every process, and without what only the verdicts need. */
export function judgedFacts({ processes, own, containers, ...facts }: RunawayFacts, policy: RunawayPolicy): ChoiceFacts {
  const judged = judgeProcesses({ processes, own, containers }, policy);
  const names = judged.flatMap(({ container }) => {
    const name = containers.known.get(container ?? '')?.name;
    return container === null || !name ? [] : [[container, name] as const];
  });
  return { ...facts, judged, containerNames: Object.fromEntries(names) };
}

/** The choice among those who may be ended. */
export function chooseVictim(facts: ChoiceFacts, policy: ChoicePolicy, now: number): RunawayPlan | null {
  if (policy.mode === 'off' || facts.level !== 'emergency' || facts.killing || mustWait(facts, policy, now)) return null;
  const metric = provenMetric(facts, policy, now);
  if (metric === null) return null;
  const { judged, containerNames } = facts;
  const mayFree = (process: ProcessFact) => frees(process, facts) && !(metric === 'cpu' && givesWay(process, policy));
  const [mains, kept] = [containerMains(judged), keptContainers(judged, mayFree)];
  const eligible = judged.filter(
    (each) => each.spared === null && !isGivenUp(each, facts) && mayFree(each.process) && !takesKept(each, mains, kept),
  );
  const [unit] = rankUnits(judged, eligible, metric, mains).filter(({ size }) => isBigEnough(size, metric, facts, policy));
  if (unit === undefined) return null;
  // A dry run frees nothing: without this, every sample of an emergency would name the same unit again.
  const { previous } = facts;
  if (policy.mode === 'dry-run' && previous?.result === 'dry-run' && now - previous.at < policy.dryRunRepeatMs) {
    if (unit.members.some(({ process }) => isOneOf(process, previous.members))) return null;
  }
  const named = nameGiver(unit);
  return {
    mode: policy.mode,
    metric,
    victim: { ...victimOf(named), service: named.service },
    members: unit.members.map(victimOf),
    container: unit.container === null ? null : { id: unit.container, name: containerNames[unit.container] ?? null },
    reason: reasonFor(unit, metric, facts, policy, now),
    graceMs: graceFor(metric, facts, policy),
    decidedAt: now,
    evidence: evidenceFor(unit, metric, facts),
  };
}

/**
 * What the next choice has to know of this one. Dry runs add up: of two that are the largest by turns each is named once, and both again after
 * `dryRunRepeatMs`.
 */
export function previousAfter(before: PreviousKill | null, now: PreviousKill, { dryRunRepeatMs }: ChoicePolicy): PreviousKill {
  const goesOn =
    before?.result === 'dry-run' && now.result === 'dry-run' && now.at - before.at < dryRunRepeatMs && now.at >= before.at;
  return goesOn ? { ...before, members: [...before.members, ...now.members] } : now;
}

function victimOf({ process }: Judged): Victim {
  return { ...describeProcess(process), startTime: process.startTime };
}

function mustWait(facts: ChoiceFacts, policy: ChoicePolicy, now: number): boolean {
  const { previous } = facts;
  if (previous === null || previous.result === 'dry-run' || previous.result === 'not-permitted') return false;
  // The clock was set back since: to wait until it has caught up would guard nothing for as long.
  if (previous.at > now) return false;
  if (previous.result === 'survived') {
    const isThere = facts.judged.some(({ process }) => isOneOf(process, previous.members));
    return isThere ? now - previous.at < policy.stuckMs : facts.sample.at < previous.at + policy.settleMs;
  }
  return facts.sample.at < previous.at + policy.settleMs;
}

function provenMetric(facts: ChoiceFacts, policy: ChoicePolicy, now: number): Metric | null {
  const { sample, previous } = facts;
  if (sample.ramPercent !== null && sample.ramPercent > policy.ram.abovePercent) return 'ram';
  if (sample.cpuPercent === null || sample.cpuPressure === null) return null;
  if (facts.cpuOverSince === null || facts.pressedSince === null) return null;
  const isOver = sample.cpuPercent > policy.cpu.abovePercent && sample.cpuPressure >= policy.cpu.minPressurePercent;
  // What a kill has changed shows only afterwards: the proof begins anew with it.
  // A batch that harms nobody is not ended for the one moment in which somebody else wants its CPU: the pressure must last as well.
  const since = Math.max(
    facts.cpuOverSince,
    facts.pressedSince,
    previous === null || previous.result === 'dry-run' || previous.at > now ? 0 : previous.at,
  );
  return isOver && now - since >= policy.cpu.sustainedMs ? 'cpu' : null;
}

function isBigEnough(size: number, metric: Metric, facts: ChoiceFacts, policy: ChoicePolicy): boolean {
  if (metric === 'cpu') return size >= policy.cpu.minCorePercent;
  const total = facts.sample.ramTotalBytes;
  return total !== null && total > 0 && (size * 100) / total >= policy.ram.minSharePercent;
}

// A limit of our group is freed only by who is in the group: ending others would help nobody.
function frees(process: ProcessFact, { withinGroup }: ChoiceFacts): boolean {
  return withinGroup === null || process.cgroup === withinGroup;
}

// Its operator said that it is to disturb nobody; while others work it is the one that waits, which is pressure too.
function givesWay({ nice }: ProcessFact, { cpu }: ChoicePolicy): boolean {
  return nice >= cpu.spareFromNice;
}

function isOneOf(process: ProcessIdentity, others: readonly ProcessIdentity[]): boolean {
  return others.some(({ pid, startTime }) => pid === process.pid && startTime === process.startTime);
}

function isGivenUp({ process }: Judged, { previous, givenUp }: ChoiceFacts): boolean {
  const failed = previous?.result === 'survived' || previous?.result === 'not-permitted';
  return isOneOf(process, givenUp) || (failed && isOneOf(process, previous.members));
}

function graceFor(metric: Metric, facts: ChoiceFacts, policy: ChoicePolicy): number {
  if (metric === 'cpu') return policy.cpu.graceMs;
  return (facts.sample.ramPercent ?? 0) >= policy.ram.urgentPercent ? policy.ram.urgentGraceMs : policy.ram.graceMs;
}
