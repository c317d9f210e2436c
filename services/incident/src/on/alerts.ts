import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { tellMaurice } from '../act/tell-maurice.js';
import { identityOf, incidentOfAlert, raisedAgain, resolvedByAlert, stillRaised } from '../decide/alert-incident.js';
import { audiencesFor, decideNotices } from '../decide/notices.js';
import { toFit } from '../decide/to-fit.js';
import {
  eventKey,
  type IncidentService,
  incidentId,
  leftAlone,
  openedEvent,
  resolvedEvent,
  shortHash,
  updatedEvent,
} from '../incident.js';
import { type Evidence, type Incident, withEvidence } from '../incident-types.js';
import { findOpen, findResolvedBy, openIncident, updateIncident } from '../state/incidents.js';

/** A serious alert opens an incident, once, and tells who must know. */
export async function onAlertRaised(service: IncidentService, event: OpsEvent<'alert.raised'>): Promise<readonly EventDraft[]> {
  const planned = incidentOfAlert(event.data, incidentId(event));
  if (planned === undefined) return [];
  const incident = await openIncident(service.database, planned);
  if (incident.incident_id !== planned.incident_id) return onRaisedAgain(service, event, incident);
  const { severity, summary, about } = incident;
  const notices = decideNotices({
    severity,
    text: summary,
    about,
    incidentId: incident.incident_id,
    occasion: incident.incident_id,
  });
  tellMaurice(service, notices);
  return [openedEvent(incident), ...notices];
}

// Who had asked for silence must hear that it is over and the condition is not; the same event again says the same.
async function onRaisedAgain(
  service: IncidentService,
  event: OpsEvent<'alert.raised'>,
  open: Incident,
): Promise<readonly EventDraft[]> {
  const fresh = stillRaised(event.data, event.time);
  const incident = raisedAgain(open, fresh, event.data.severity);
  if (!(await updateIncident(service.database, incident))) return leftAlone(service, incident);
  const change = 'still so after a silence';
  const notices = decideNotices({
    severity: incident.severity,
    text: `${change}: ${event.data.summary}`,
    about: incident.about,
    incidentId: incident.incident_id,
    occasion: `${incident.incident_id}-again-${shortHash(event)}`,
  });
  tellMaurice(service, notices);
  return [updatedEvent(incident, change, [fresh]), ...notices];
}

/** It is still so, and nobody has taken it in hand: who was told of its beginning is told again, and the incident says so. */
export async function onAlertReminded(
  service: IncidentService,
  event: OpsEvent<'alert.reminded'>,
): Promise<readonly EventDraft[]> {
  const open = await findOpen(service.database, identityOf(event.data));
  if (open === undefined) return [];
  const { reminder, duration, summary } = event.data;
  const change = `still so after ${Math.round(duration / 60)} min, and nobody has acknowledged it`;
  const fresh: Evidence = { at: event.time, kind: 'reminder', text: toFit(`${change}: ${summary}`) };
  const incident = withEvidence(open, fresh);
  if (!(await updateIncident(service.database, incident))) return leftAlone(service, incident);
  const notices = decideNotices({
    severity: incident.severity,
    text: `${change}: ${summary}`,
    about: incident.about,
    incidentId: incident.incident_id,
    occasion: `${incident.incident_id}-reminder-${reminder}`,
  });
  tellMaurice(service, notices);
  return [updatedEvent(incident, change, [fresh]), ...notices];
}

/** The condition is over, and so is its incident. */
export async function onAlertCleared(service: IncidentService, event: OpsEvent<'alert.cleared'>): Promise<readonly EventDraft[]> {
  const { database } = service;
  let incident = await findResolvedBy(database, eventKey(event));
  if (incident === undefined) {
    const open = await findOpen(database, identityOf(event.data));
    if (open === undefined) return [];
    incident = resolvedByAlert(open, event.data, eventKey(event));
    if (!(await updateIncident(database, incident))) return leftAlone(service, incident);
  }
  const text = `${incident.about}: ${incident.resolution}`;
  const notices = decideNotices(
    {
      severity: 'info',
      text,
      about: incident.about,
      incidentId: incident.incident_id,
      occasion: `${incident.incident_id}-resolved`,
    },
    audiencesFor(incident.severity),
  );
  tellMaurice(service, notices);
  return [resolvedEvent(incident), ...notices];
}

/** A person has the alert in hand: the incident says so. */
export async function onAlertAcknowledged(
  service: IncidentService,
  event: OpsEvent<'alert.acknowledged'>,
): Promise<readonly EventDraft[]> {
  const { by, reason, at } = event.data;
  const open = await findOpen(service.database, identityOf(event.data));
  if (open === undefined) return [];
  const fresh: Evidence = { at, kind: 'acknowledged', text: toFit(`${by}: ${reason}`) };
  const incident = withEvidence(open, fresh);
  if (!(await updateIncident(service.database, incident))) return leftAlone(service, incident);
  return [updatedEvent(incident, toFit(`acknowledged by ${by}: ${reason}`), [fresh])];
}
