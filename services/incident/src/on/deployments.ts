import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { tellMaurice } from '../act/tell-maurice.js';
import { deploymentIncident, resolvedByDeployment } from '../decide/deployment-incident.js';
import { decideNotices } from '../decide/notices.js';
import { toFit } from '../decide/to-fit.js';
import { eventKey, type IncidentService, incidentId, leftAlone, openedEvent, resolvedEvent, shortHash } from '../incident.js';
import { findOpen, findResolvedBy, openIncident, updateIncident } from '../state/incidents.js';

/** A deployment failed. Where it touched something and could not be taken back, the service may be down: everybody must know. */
export async function onDeployFailed(service: IncidentService, event: OpsEvent<'deploy.failed'>): Promise<readonly EventDraft[]> {
  const { data } = event;
  const text = `deployment ${data.deployment_id} of ${data.service} failed at ${data.step}: ${data.reason}`;
  if (!data.touched) return told(service, event, 'warning', `${text} (nothing was touched)`, null);
  const incident = await openIncident(service.database, deploymentIncident(data, incidentId(event), event.time, toFit(text)));
  return [openedEvent(incident), ...told(service, event, 'emergency', text, incident.incident_id)];
}

/** It was taken back: the people who asked for it hear why. An incident that was open about it is over: what runs is proven. */
export async function onDeployEnded(
  service: IncidentService,
  event: OpsEvent<'deploy.rolled-back' | 'deploy.succeeded'>,
): Promise<readonly EventDraft[]> {
  // Where nothing ran before, nothing was proven by going back.
  const proven = event.type === 'deploy.succeeded' || event.data.restored.length > 0;
  const over = proven ? await resolved(service, event) : [];
  if (event.type === 'deploy.succeeded') return over;
  const { deployment_id, service: about, step, reason } = event.data;
  const text = `deployment ${deployment_id} of ${about} was rolled back, it failed at ${step}: ${reason}`;
  return [...over, ...told(service, event, 'warning', text, null)];
}

/** Somebody did what should not have been done. */
export function onSecurityDetected(service: IncidentService, event: OpsEvent<'security.detected'>): readonly EventDraft[] {
  const { summary, who } = event.data;
  return told(service, event, 'critical', `${summary} (by: ${who})`, null, ['chief-of-staff', 'maurice']);
}

function told(
  service: IncidentService,
  event: OpsEvent<'deploy.failed' | 'deploy.rolled-back' | 'security.detected'>,
  severity: 'warning' | 'critical' | 'emergency',
  text: string,
  incident: string | null,
  audiences: Parameters<typeof decideNotices>[1] = severity === 'emergency' ? undefined : ['nucleus', 'chief-of-staff'],
): readonly EventDraft[] {
  const occasion = `${event.type.replace('.', '-')}-${shortHash(event)}`;
  const notices = decideNotices({ severity, text, about: event.data.service, incidentId: incident, occasion }, audiences);
  tellMaurice(service, notices);
  return notices;
}

async function resolved(
  service: IncidentService,
  event: OpsEvent<'deploy.rolled-back' | 'deploy.succeeded'>,
): Promise<readonly EventDraft[]> {
  const { database } = service;
  let incident = await findResolvedBy(database, eventKey(event));
  if (incident === undefined) {
    const open = await findOpen(database, { kind: 'deployment', about: event.data.project, fingerprint: null });
    if (open === undefined) return [];
    incident = resolvedByDeployment(open, event.data, event.time, eventKey(event));
    if (!(await updateIncident(database, incident))) return leftAlone(service, incident);
  }
  return [resolvedEvent(incident)];
}
