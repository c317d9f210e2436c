import type { EventData, EventDraft, Level, Readings, Response } from '@ops/shared/events';
import type { KillOutcome } from '../act/kill.js';
import type { LevelChange } from '../decide/level-types.js';
import type { ProcessDescription } from '../decide/runaway-process.js';
import type { RunawayPlan } from '../decide/runaway-types.js';
import type { HostSample } from '../host/sample.js';

/** As many as an event carries. */
const MOST_MEMBERS = 50;

type TopProcesses = EventData<'guard.level-changed'>['top_processes'];

/** The readings of a sample as events carry them; all null without one. */
export function readingsOf(sample: HostSample | null): Readings {
  const disks = (sample?.disks ?? []).flatMap(({ percent }) => (percent === null ? [] : [percent]));
  return {
    cpu_percent: round(sample?.cpuPercent),
    iowait_percent: round(sample?.iowaitPercent),
    nice_percent: round(sample?.nicePercent),
    steal_percent: round(sample?.stealPercent),
    cpu_pressure: round(sample?.cpuPressure),
    ram_percent: round(sample?.ramPercent),
    swap_percent: round(sample?.swapPercent),
    disk_percent: disks.length === 0 ? null : round(Math.max(...disks)),
  };
}

/** guard.level-changed, with the response that the level asks for. */
export function levelChanged(
  change: LevelChange,
  facts: { host: string; generation: number; response: Response; sample: HostSample | null; top: TopProcesses },
): EventDraft<'guard.level-changed'> {
  const { cause } = change;
  return {
    type: 'guard.level-changed',
    subject: facts.host,
    // A generation is one change of one host: published twice, it is the same event.
    purpose: `${facts.host}/${facts.generation}`,
    data: {
      host: facts.host,
      level: change.to,
      from: change.from,
      generation: facts.generation,
      reason: change.reason,
      metric: cause === 'report' || cause === 'blind' || cause === 'sight' ? null : cause.startsWith('disk:') ? 'disk' : cause,
      source: cause === 'report' ? 'report' : cause === 'blind' ? 'blind' : 'own',
      readings: readingsOf(facts.sample),
      response: facts.response,
      top_processes: facts.top,
      since: new Date(change.at).toISOString(),
    },
  };
}

/** guard.sampled, the summary. */
export function sampled(host: string, level: Level, sample: HostSample): EventDraft<'guard.sampled'> {
  const { scope } = sample;
  return {
    type: 'guard.sampled',
    subject: host,
    data: {
      host,
      level,
      readings: readingsOf(sample),
      memory_pressure: round(sample.memoryPressure),
      io_pressure: round(sample.ioPressure),
      cpu_throttled_percent: round(sample.cpuThrottledPercent),
      ram_used_bytes: sample.ramUsedBytes,
      ram_total_bytes: sample.ramTotalBytes,
      disks: sample.disks.map(({ mount, percent }) => ({ mount, percent: round(percent) })),
      scope: { kind: scope.kind, cpus: scope.cpus, memory_bytes: scope.memoryBytes, why: scope.why },
      loop_delay_ms: Math.max(0, round(sample.loopDelayMs) ?? 0),
      late_ms: Math.max(0, round(sample.lateMs) ?? 0),
      sampled_at: new Date(sample.at).toISOString(),
    },
  };
}

/** guard.runaway-handled: what was done, to whom, why, and the evidence. */
export function runawayHandled(
  host: string,
  plan: RunawayPlan,
  outcome: KillOutcome,
  sample: HostSample | null,
): EventDraft<'guard.runaway-handled'> {
  const { victim, members, evidence } = plan;
  const ended = new Map(outcome.members.map(({ pid, result }) => [pid, result]));
  return {
    type: 'guard.runaway-handled',
    subject: host,
    purpose: `${host}/${victim.pid}/${victim.startTime}/${plan.decidedAt}`,
    data: {
      host,
      mode: plan.mode,
      result: outcome.result,
      victim: { ...processFacts(victim), start_time: String(victim.startTime) },
      processes: members.length,
      members: members.slice(0, MOST_MEMBERS).map((member) => ({
        ...processFacts(member),
        start_time: String(member.startTime),
        result: ended.get(member.pid) ?? outcome.result,
      })),
      container: plan.container,
      by: outcome.by,
      engine_refused: outcome.refused,
      reason: plan.reason,
      took_ms: Math.max(0, outcome.ms),
      evidence: {
        by_memory: evidence.byRss.map(processFacts),
        by_cpu: evidence.byCpu.map(processFacts),
        readings: readingsOf(sample),
      },
    },
  };
}

/** A process as events carry it: its name and size, nothing of its command line. */
export function processFacts({ pid, name, rssBytes, cpuPercent }: ProcessDescription) {
  return { pid, name: name === '' ? '(no name)' : name, rss_bytes: rssBytes, cpu_percent: round(cpuPercent) };
}

function round(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.round(value * 10) / 10;
}
