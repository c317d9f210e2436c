import { largest } from './largest.js';
import { describeProcess } from './runaway-process.js';
import type { ChoiceFacts, ChoicePolicy, RunawayEvidence } from './runaway-types.js';
import { type Metric, nameGiver, sizeOf, type Unit } from './runaway-unit.js';

/** One sentence: the metric with its value and threshold, and what is ended and uses how much. */
export function reasonFor(unit: Unit, metric: Metric, facts: ChoiceFacts, policy: ChoicePolicy, now: number): string {
  const { sample } = facts;
  const [who, s] = [nameOf(unit, facts), unit.members.length === 1 || unit.container !== null ? 's' : ''];
  if (metric === 'ram') {
    const megabytes = Math.round(unit.size / 1_048_576);
    return `RAM is at ${sample.ramPercent?.toFixed(1)} %, above ${policy.ram.abovePercent} %; ${who} hold${s} the most of what may be ended: ${megabytes} MiB.`;
  }
  const seconds = Math.round((now - (facts.cpuOverSince ?? now)) / 1000);
  return `CPU has been above ${policy.cpu.abovePercent} % for ${seconds} s with ${sample.cpuPressure?.toFixed(0)} % pressure; ${who} use${s} the most of what may be ended: ${unit.size.toFixed(0)} % of a core.`;
}

function nameOf(unit: Unit, { containerNames }: ChoiceFacts): string {
  const { name, pid } = nameGiver(unit).process;
  const others = unit.members.length - 1;
  const more = others === 0 ? '' : ` and ${others} more`;
  if (unit.container === null) return `${name} (${pid})${more}${others === 0 ? '' : ' of its process group'}`;
  const container = containerNames[unit.container] ?? unit.container.slice(0, 12);
  return `container ${container}, ${name} (${pid})${more},`;
}

/** The top ten by memory and by CPU, and what was larger than the chosen unit and why it was spared. */
export function evidenceFor(unit: Unit, metric: Metric, { judged, sample }: ChoiceFacts): RunawayEvidence {
  const processes = judged.map(({ process }) => process);
  const top = (by: Metric) => largest(processes, 10, (each) => sizeOf(each, by)).map(describeProcess);
  const larger = judged.filter(({ process, spared }) => spared !== null && sizeOf(process, metric) > unit.size);
  const spared = largest(larger, 10, ({ process }) => sizeOf(process, metric)).flatMap(({ process, spared: why }) =>
    why === null ? [] : [{ ...describeProcess(process), why }],
  );
  const { ramPercent, cpuPercent, cpuPressure } = sample;
  return { ramPercent, cpuPercent, cpuPressure, byRss: top('ram'), byCpu: top('cpu'), spared };
}
