import { type EventData, SUPERVISED_JOB } from '@ops/shared/events';
import { type Evidence, type Incident, withEvidence } from '../incident-types.js';
import { toFit } from './to-fit.js';

/** The most that `about` may have in an event. */
const LONGEST_NAME = 200;

/** Which incident a scheduled job is about. */
export function cronIdentity({ job_id }: { readonly job_id: string }): Pick<Incident, 'kind' | 'about' | 'fingerprint'> {
  return { kind: 'cron', about: toFit(job_id, '', LONGEST_NAME), fingerprint: null };
}

/** The incident of a run that takes longer than its limit. */
export function overrunIncident(overran: EventData<'cron.run-overran'>, id: string, at: string): Incident {
  const { job_name, run_id, started_at, expected, limit, expected_from, kill } = overran;
  const summary = toFit(
    `${job_name} runs since ${started_at}, longer than its limit of ${limit} s (expected ${expected} s, ${expected_from}); ${kill ? 'it is ended' : 'it is left alone'}`,
  );
  return {
    incident_id: id,
    ...cronIdentity(overran),
    severity: 'critical',
    summary,
    root_cause: null,
    resolution: null,
    prevention: null,
    opened_at: new Date(at),
    resolved_at: null,
    generation: 0,
    resolved_by: null,
    evidence: [{ at, kind: 'overrun', text: summary, facts: { run_id, started_at, expected, limit } }],
  };
}

/** What ending the run has shown: how it went, its last words, its processes, and what the guard saw meanwhile. */
export function killEvidence(killed: EventData<'cron.run-killed'>, at: string): Evidence {
  const { run_id, outcome, how, took_ms, evidence } = killed;
  return {
    at,
    kind: 'kill',
    text: toFit(`run ${run_id}: ${outcome} after ${took_ms} ms: ${how}`),
    facts: { run_id, ...evidence },
  };
}

/** Whether an alert about a run that takes too long has ended because no run of its job is waited for any more. */
export function isLetGo({ metric, threshold }: EventData<'alert.cleared'>): boolean {
  return metric === 'cron-runtime' && threshold === SUPERVISED_JOB;
}

/** It is over: its job was removed or switched off, and no later run will say so. */
export function resolvedByLettingGo(open: Incident, cleared: EventData<'alert.cleared'>, at: string, eventKey: string): Incident {
  const text = toFit(`no run is waited for any more: ${cleared.current_value}`);
  return {
    ...withEvidence(open, { at, kind: 'cleared', text }),
    resolved_at: new Date(at),
    resolved_by: eventKey,
    resolution: text,
  };
}

/** It is over: a later run of the job did its work. */
export function resolvedByRun(open: Incident, ran: EventData<'cron.run-succeeded'>, at: string, eventKey: string): Incident {
  const text = toFit(`run ${ran.run_id} of ${ran.job_name} succeeded after ${ran.duration} s`);
  return {
    ...withEvidence(open, { at, kind: 'run', text }),
    resolved_at: new Date(at),
    resolved_by: eventKey,
    resolution: text,
    prevention: open.prevention ?? 'See runbooks/cron-overrun.md.',
  };
}
