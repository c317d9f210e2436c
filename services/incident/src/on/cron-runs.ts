import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { tellMaurice } from '../act/tell-maurice.js';
import {
  cronIdentity,
  isLetGo,
  killEvidence,
  overrunIncident,
  resolvedByLettingGo,
  resolvedByRun,
} from '../decide/cron-incident.js';
import { decideNotices } from '../decide/notices.js';
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
import { type Incident, withEvidence } from '../incident-types.js';
import { findOpen, findResolvedBy, openIncident, updateIncident } from '../state/incidents.js';

/** A run takes too long: an incident is opened, or the open one about the job has one more such run. */
export async function onCronRunOverran(
  service: IncidentService,
  event: OpsEvent<'cron.run-overran'>,
): Promise<readonly EventDraft[]> {
  const planned = overrunIncident(event.data, incidentId(event), event.time);
  const incident = await openIncident(service.database, planned);
  if (incident.incident_id !== planned.incident_id) {
    const again = planned.evidence[0];
    return again === undefined ? [] : updated(service, incident, again.text, again);
  }
  const { severity, summary, about, incident_id } = incident;
  const notices = decideNotices({ severity, text: summary, about, incidentId: incident_id, occasion: incident_id });
  tellMaurice(service, notices);
  return [openedEvent(incident), ...notices];
}

/** A run was ended, or could not be: the evidence joins the job's incident; who must know hears of one that could not. */
export async function onCronRunKilled(
  service: IncidentService,
  event: OpsEvent<'cron.run-killed'>,
): Promise<readonly EventDraft[]> {
  const { job_name, outcome, how } = event.data;
  const open = await findOpen(service.database, cronIdentity(event.data));
  const fresh = killEvidence(event.data, event.time);
  const changed = open === undefined ? [] : await updated(service, open, fresh.text, fresh);
  if (outcome === 'ended' || outcome === 'already-ended') return changed;
  const notices = decideNotices({
    severity: 'critical',
    text: `${job_name} runs on, past its limit, and could not be ended: ${how}`,
    about: cronIdentity(event.data).about,
    incidentId: open?.incident_id ?? null,
    occasion: `cron-kill-${shortHash(event)}`,
  });
  tellMaurice(service, notices);
  return [...changed, ...notices];
}

/** A run did its work: what was open about the job is over. */
export async function onCronRunSucceeded(
  service: IncidentService,
  event: OpsEvent<'cron.run-succeeded'>,
): Promise<readonly EventDraft[]> {
  const { database } = service;
  let incident = await findResolvedBy(database, eventKey(event));
  if (incident === undefined) {
    const open = await findOpen(database, cronIdentity(event.data));
    // A run that began before the incident proves nothing about it.
    if (open === undefined || Date.parse(event.data.started_at) < open.opened_at.getTime()) return [];
    incident = resolvedByRun(open, event.data, event.time, eventKey(event));
    if (!(await updateIncident(database, incident))) return leftAlone(service, incident);
  }
  return [resolvedEvent(incident)];
}

/** The alert about a run that takes too long is over because its job was removed or switched off: its incident is over too. */
export async function onCronJobLetGo(service: IncidentService, event: OpsEvent<'alert.cleared'>): Promise<readonly EventDraft[]> {
  if (!isLetGo(event.data)) return [];
  const { database } = service;
  // The alert may have an incident of its own, which the same event ends.
  const key = `${eventKey(event)}/cron`;
  let incident = await findResolvedBy(database, key);
  if (incident === undefined) {
    const open = await findOpen(database, cronIdentity({ job_id: event.data.service }));
    // One that was opened since is about the job as it is now.
    if (open === undefined || Date.parse(event.time) < open.opened_at.getTime()) return [];
    incident = resolvedByLettingGo(open, event.data, event.time, key);
    if (!(await updateIncident(database, incident))) return leftAlone(service, incident);
  }
  return [resolvedEvent(incident)];
}

async function updated(
  service: IncidentService,
  open: Incident,
  change: string,
  fresh: Incident['evidence'][number],
): Promise<readonly EventDraft[]> {
  const incident = withEvidence(open, fresh);
  if (!(await updateIncident(service.database, incident))) return leftAlone(service, incident);
  return [updatedEvent(incident, change, [fresh])];
}
