import type { EventData } from '@ops/shared/events';
import { type Evidence, type Incident, withEvidence } from '../incident-types.js';
import { toFit } from './to-fit.js';

type Raised = EventData<'alert.raised'>;
type Cleared = EventData<'alert.cleared'>;

/** Alerts about the level itself: guard.level-changed tells more about it. */
const LEVEL_METRIC = 'guard-level';
/** The most that `about` may have in an event. */
const LONGEST_NAME = 200;

/** The incident that an alert opens, or undefined: info and warnings are for the list of alerts, silenced ones for nobody. */
export function incidentOfAlert(alert: Raised, id: string): Incident | undefined {
  if (alert.metric === LEVEL_METRIC || alert.silenced) return undefined;
  if (alert.severity !== 'critical' && alert.severity !== 'emergency') return undefined;
  const parents = alert.depends_on.join(', ');
  return {
    incident_id: id,
    ...identityOf(alert),
    severity: alert.severity,
    summary: alert.summary,
    root_cause: parents === '' ? null : toFit(`${parents} is down as well, and ${alert.service} depends on it.`),
    resolution: null,
    prevention: null,
    opened_at: new Date(alert.timestamp),
    resolved_at: null,
    generation: 0,
    resolved_by: null,
    evidence: [{ at: alert.timestamp, kind: 'alert', text: alert.summary, facts: seedFields(alert) }],
  };
}

/** The evidence that an alert gives which is raised again, after a silence. */
export function stillRaised(alert: Raised, at: string): Evidence {
  return { at, kind: 'alert', text: alert.summary, facts: seedFields(alert) };
}

/** The open incident of an alert that is raised again: it is as bad as it was at its worst. */
export function raisedAgain(open: Incident, fresh: Evidence, severity: Raised['severity']): Incident {
  return { ...withEvidence(open, fresh), severity: severity === 'emergency' ? severity : open.severity };
}

/** The incident after its alert was cleared by an event (`source/id`). */
export function resolvedByAlert(open: Incident, alert: Cleared, eventKey: string): Incident {
  const fresh = { at: alert.timestamp, kind: 'cleared', text: alert.summary, facts: seedFields(alert) };
  return {
    ...withEvidence(open, fresh),
    resolved_by: eventKey,
    resolved_at: new Date(alert.timestamp),
    resolution: toFit(alert.summary, ` (after ${Math.round(alert.duration)} s)`),
    prevention: open.prevention ?? (alert.metric === 'health' ? 'See runbooks/service-down.md.' : null),
  };
}

/**
 * Which incident an alert speaks of: its own. Somebody outside may report on a service that we watch as well, and what
 * they say ends nothing that we have seen.
 */
export function identityOf({
  service,
  metric,
  fingerprint,
}: Pick<Raised, 'service' | 'metric' | 'fingerprint'>): Pick<Incident, 'kind' | 'about' | 'fingerprint'> {
  const health = metric === 'health';
  return {
    kind: health ? 'service' : 'alert',
    about: toFit(health ? service : `${service}/${metric}`, '', LONGEST_NAME),
    fingerprint,
  };
}

function seedFields({ service, status, metric, threshold, current_value, timestamp }: Raised | Cleared): Record<string, unknown> {
  return { service, status, metric, threshold, current_value, timestamp };
}
