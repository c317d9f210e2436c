import type { EventData } from '@ops/shared/events';
import { type Evidence, type Incident, withEvidence } from '../incident-types.js';
import { toFit } from './to-fit.js';

type Change = EventData<'guard.level-changed'>;

/** What a change of level does to the guard incident of its host. */
export type GuardIncidentPlan =
  | { readonly do: 'nothing' }
  | { readonly do: 'open'; readonly incident: Incident }
  | { readonly do: 'update'; readonly incident: Incident; readonly change: string }
  | { readonly do: 'resolve'; readonly incident: Incident };

/**
 * Critical and emergency are an incident; warn is logged and watched; below critical it is over. A blind guard adds
 * evidence and ends nothing. A change that the incident knows already (same or older generation) does nothing new.
 *
 * @param id the id that a new incident gets
 * @param eventKey the event, as `source/id`
 */
export function decideGuardIncident(open: Incident | undefined, change: Change, id: string, eventKey: string): GuardIncidentPlan {
  const severe = change.level === 'critical' || change.level === 'emergency';
  if (open === undefined) return severe ? { do: 'open', incident: opened(change, id) } : { do: 'nothing' };
  if (change.generation < open.generation) return { do: 'nothing' };
  const next = { ...withEvidence(open, evidenceOf(change)), generation: change.generation };
  if (change.level === 'unknown') return { do: 'update', incident: next, change: toFit(`the guard is blind: ${change.reason}`) };
  if (severe) {
    const severity = change.level === 'emergency' ? ('emergency' as const) : ('critical' as const);
    const worst = open.severity === 'emergency' ? ('emergency' as const) : severity;
    return {
      do: 'update',
      incident: { ...next, severity: worst, root_cause: betterCause(open, change) },
      change: step(change),
    };
  }
  return {
    do: 'resolve',
    incident: {
      ...next,
      resolved_at: new Date(change.since),
      resolved_by: eventKey,
      resolution: step(change),
      prevention: 'Move or limit what used the host (see the evidence), or give it more room.',
    },
  };
}

function opened(change: Change, id: string): Incident {
  return {
    incident_id: id,
    kind: 'guard',
    about: change.host,
    fingerprint: null,
    severity: change.level === 'emergency' ? 'emergency' : 'critical',
    summary: toFit(`${change.host} is at ${change.level}: ${change.reason}`),
    root_cause: rootCause(change),
    resolution: null,
    prevention: null,
    opened_at: new Date(change.since),
    resolved_at: null,
    generation: change.generation,
    evidence: [evidenceOf(change)],
    resolved_by: null,
  };
}

// A process that was ended is the cause; a suspicion is replaced only by one from a worse moment.
function betterCause(open: Incident, change: Change): string | null {
  const proven = open.evidence.some(({ kind }) => kind === 'runaway');
  const worse = change.level === 'emergency' && open.severity !== 'emergency';
  return open.root_cause === null || (worse && !proven) ? (rootCause(change) ?? open.root_cause) : open.root_cause;
}

// The first suspicion, from who used most when it happened; a person may know better.
function rootCause({ top_processes, metric }: Change): string | null {
  // A report from outside names no metric: who uses the host now is evidence, and no cause.
  if (top_processes === null || metric === null) return null;
  const [first] = metric === 'ram' ? top_processes.by_memory : top_processes.by_cpu;
  if (first === undefined || (metric !== 'ram' && first.cpu_percent === null)) return null;
  const share =
    metric === 'ram' ? `${Math.round(first.rss_bytes / 2 ** 20)} MiB` : `${Math.round(first.cpu_percent ?? 0)} % of a core`;
  return `Most of the ${metric === 'ram' ? 'memory' : 'CPU'} was used by ${first.name} (pid ${first.pid}, ${share}).`;
}

const step = ({ from, level, reason }: Change): string => toFit(`${from} → ${level}: ${reason}`);

function evidenceOf(change: Change): Evidence {
  const { readings, source, top_processes } = change;
  return {
    at: change.since,
    kind: 'level',
    text: step(change),
    facts: { readings, source, ...(top_processes === null ? {} : { top_processes }) },
  };
}
