import { evidenceFor, reasonFor, sizeOf } from './runaway-evidence.js';
import type { RunawayPolicy } from './runaway-policy.js';
import { describeProcess, type ProcessFact } from './runaway-process.js';
import { type Judged, judgeProcesses } from './runaway-sparing.js';
import type { RunawayFacts, RunawayPlan } from './runaway-types.js';

/**
 * Chooses at most one victim, or null. Only at emergency, only on our own readings (a report alone kills nothing), and
 * only while the newest sample still says so. RAM comes first and needs no further proof; CPU needs `sustainedMs` over
 * its bound and pressure over its bar. After a kill nothing is chosen until the victim is gone and a sample taken
 * `settleMs` later still shows the emergency.
 */
export function decideRunaway(facts: RunawayFacts, policy: RunawayPolicy, now: number): RunawayPlan | null {
  if (policy.mode === 'off' || facts.level !== 'emergency' || facts.killing || mustWait(facts, policy, now)) return null;
  const metric = provenMetric(facts, policy, now);
  if (metric === null) return null;
  const judged = judgeProcesses(facts.processes, facts.own, policy);
  const eligible = judged.filter((each) => each.spared === null && !isGivenUp(each, facts) && frees(each.process, facts));
  const victim = largest(
    eligible.filter((each) => isBigEnough(each.process, metric, facts, policy)),
    metric,
  );
  if (victim === undefined) return null;
  // A dry run frees nothing: without this, every sample of an emergency would name the same process again.
  const { previous } = facts;
  if (policy.mode === 'dry-run' && previous?.result === 'dry-run' && isSame(previous, victim.process)) {
    if (now - previous.at < policy.dryRunRepeatMs) return null;
  }
  const { startTime } = victim.process;
  return {
    mode: policy.mode,
    metric,
    victim: { ...describeProcess(victim.process), startTime, service: victim.service },
    reason: reasonFor(victim.process, metric, facts, policy, now),
    graceMs: graceFor(metric, facts, policy),
    decidedAt: now,
    evidence: evidenceFor(judged, victim.process, metric, facts),
  };
}

function mustWait(facts: RunawayFacts, policy: RunawayPolicy, now: number): boolean {
  const { previous } = facts;
  if (previous === null || previous.result === 'dry-run' || previous.result === 'not-permitted') return false;
  if (previous.result === 'survived') {
    const isThere = facts.processes.some((each) => isSame(previous, each));
    return isThere ? now - previous.at < policy.stuckMs : facts.sample.at < previous.at + policy.settleMs;
  }
  return facts.sample.at < previous.at + policy.settleMs;
}

function provenMetric(facts: RunawayFacts, policy: RunawayPolicy, now: number): 'ram' | 'cpu' | null {
  const { sample, previous } = facts;
  if (sample.ramPercent !== null && sample.ramPercent > policy.ram.abovePercent) return 'ram';
  if (sample.cpuPercent === null || sample.cpuPressure === null || facts.cpuOverSince === null) return null;
  const isOver = sample.cpuPercent > policy.cpu.abovePercent && sample.cpuPressure >= policy.cpu.minPressurePercent;
  // What a kill has changed shows only afterwards: the proof begins anew with it.
  const since = Math.max(facts.cpuOverSince, previous?.result === 'dry-run' ? 0 : (previous?.at ?? 0));
  return isOver && now - since >= policy.cpu.sustainedMs ? 'cpu' : null;
}

function isBigEnough(process: ProcessFact, metric: 'ram' | 'cpu', facts: RunawayFacts, policy: RunawayPolicy): boolean {
  if (metric === 'cpu') return (process.cpuPercent ?? 0) >= policy.cpu.minCorePercent;
  const total = facts.sample.ramTotalBytes;
  return total !== null && total > 0 && (process.rssBytes * 100) / total >= policy.ram.minSharePercent;
}

// A limit of our group is freed only by who is in the group: ending others would help nobody.
function frees(process: ProcessFact, { withinGroup }: RunawayFacts): boolean {
  return withinGroup === null || process.cgroup === withinGroup;
}

function isSame(a: { pid: number; startTime: number }, b: { pid: number; startTime: number }): boolean {
  return a.pid === b.pid && a.startTime === b.startTime;
}

function isGivenUp(judged: Judged, facts: RunawayFacts): boolean {
  const { previous } = facts;
  if (facts.givenUp.some((each) => isSame(each, judged.process))) return true;
  const failed = previous?.result === 'survived' || previous?.result === 'not-permitted';
  return failed && isSame(previous, judged.process);
}

function largest(judged: readonly Judged[], metric: 'ram' | 'cpu'): Judged | undefined {
  // Of equals the youngest: it has least to lose.
  return [...judged].sort(
    (a, b) => sizeOf(b.process, metric) - sizeOf(a.process, metric) || b.process.startTime - a.process.startTime,
  )[0];
}

function graceFor(metric: 'ram' | 'cpu', facts: RunawayFacts, policy: RunawayPolicy): number {
  if (metric === 'cpu') return policy.cpu.graceMs;
  return (facts.sample.ramPercent ?? 0) >= policy.ram.urgentPercent ? policy.ram.urgentGraceMs : policy.ram.graceMs;
}
