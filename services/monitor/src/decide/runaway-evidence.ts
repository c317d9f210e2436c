import type { RunawayPolicy } from './runaway-policy.js';
import { describeProcess, type ProcessFact } from './runaway-process.js';
import type { Judged } from './runaway-sparing.js';
import type { RunawayEvidence, RunawayFacts } from './runaway-types.js';

/** One sentence: the metric with its value and threshold, and what the victim uses. */
export function reasonFor(
  victim: ProcessFact,
  metric: 'ram' | 'cpu',
  facts: RunawayFacts,
  policy: RunawayPolicy,
  now: number,
): string {
  const { sample } = facts;
  if (metric === 'ram') {
    const megabytes = Math.round(victim.rssBytes / 1_048_576);
    return `RAM is at ${sample.ramPercent?.toFixed(1)} %, above ${policy.ram.abovePercent} %; ${victim.name} (${victim.pid}) holds the most of what may be ended: ${megabytes} MiB.`;
  }
  const seconds = Math.round((now - (facts.cpuOverSince ?? now)) / 1000);
  return `CPU has been above ${policy.cpu.abovePercent} % for ${seconds} s with ${sample.cpuPressure?.toFixed(0)} % pressure; ${victim.name} (${victim.pid}) uses the most of what may be ended: ${victim.cpuPercent?.toFixed(0)} % of a core.`;
}

/** The top ten by memory and by CPU, and what was larger than the victim and why it was spared. */
export function evidenceFor(
  judged: readonly Judged[],
  victim: ProcessFact,
  metric: 'ram' | 'cpu',
  facts: RunawayFacts,
): RunawayEvidence {
  const top = (by: 'ram' | 'cpu') =>
    judged
      .map((each) => each.process)
      .sort((a, b) => sizeOf(b, by) - sizeOf(a, by))
      .slice(0, 10)
      .map(describeProcess);
  const spared = judged
    .flatMap(({ process, spared: why }) =>
      why !== null && sizeOf(process, metric) > sizeOf(victim, metric) ? [{ process, why }] : [],
    )
    .sort((a, b) => sizeOf(b.process, metric) - sizeOf(a.process, metric))
    .slice(0, 10)
    .map(({ process, why }) => ({ ...describeProcess(process), why }));
  const { ramPercent, cpuPercent, cpuPressure } = facts.sample;
  return { ramPercent, cpuPercent, cpuPressure, byRss: top('ram'), byCpu: top('cpu'), spared };
}

/** What a process uses of a metric: resident bytes, or percent of one core. */
export function sizeOf(process: ProcessFact, metric: 'ram' | 'cpu'): number {
  return metric === 'ram' ? process.rssBytes : (process.cpuPercent ?? 0);
}
