import type { EventData } from '@ops/shared/events';
import { type Incident, withEvidence } from '../incident-types.js';

type Raised = EventData<'alert.raised'>;
type Cleared = EventData<'alert.cleared'>;

/** Alerts about the level itself: guard.level-changed tells more about it. */
const LEVEL_METRIC = 'guard-level';

/** The incident that an alert opens, or undefined: info and warnings are for the list of alerts, silenced ones for nobody. */
export function incidentOfAlert(alert: Raised, id: string): Incident | undefined {
  if (alert.metric === LEVEL_METRIC || alert.silenced) return undefined;
  if (alert.severity !== 'critical' && alert.severity !== 'emergency') return undefined;
  const parents = alert.depends_on.join(', ');
  return {
    incident_id: id,
    kind: kindOf(alert),
    about: aboutOf(alert),
    severity: alert.severity,
    summary: alert.summary,
    root_cause: parents === '' ? null : `${parents} is down as well, and ${alert.service} depends on it.`,
    resolution: null,
    prevention: null,
    opened_at: new Date(alert.timestamp),
    resolved_at: null,
    generation: 0,
    resolved_by: null,
    evidence: [{ at: alert.timestamp, kind: 'alert', text: alert.summary, facts: seedFields(alert) }],
  };
}

/** The incident after its alert was cleared by an event (`source/id`). */
export function resolvedByAlert(open: Incident, alert: Cleared, eventKey: string): Incident {
  const fresh = { at: alert.timestamp, kind: 'cleared', text: alert.summary, facts: seedFields(alert) };
  return {
    ...withEvidence(open, fresh),
    resolved_by: eventKey,
    resolved_at: new Date(alert.timestamp),
    resolution: `${alert.summary} (after ${Math.round(alert.duration)} s)`,
    prevention: open.prevention ?? (alert.metric === 'health' ? 'See runbooks/service-down.md.' : null),
  };
}

/** The kind of an alert's incident. */
export function kindOf(alert: { metric: string }): 'service' | 'alert' {
  return alert.metric === 'health' ? 'service' : 'alert';
}

/** What an alert's incident is about: a service for its health, else the service and the metric. */
export function aboutOf(alert: { service: string; metric: string }): string {
  return alert.metric === 'health' ? alert.service : `${alert.service}/${alert.metric}`;
}

function seedFields({ service, status, metric, threshold, current_value, timestamp }: Raised | Cleared): Record<string, unknown> {
  return { service, status, metric, threshold, current_value, timestamp };
}
