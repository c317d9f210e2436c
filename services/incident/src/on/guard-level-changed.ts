import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { tellMaurice } from '../act/tell-maurice.js';
import { decideGuardIncident, type GuardIncidentPlan } from '../decide/guard-incident.js';
import { audiencesFor, decideNotices } from '../decide/notices.js';
import { eventKey, type IncidentService, incidentId, leftAlone, openedEvent, resolvedEvent, updatedEvent } from '../incident.js';
import { findIncident, findOpen, findResolvedBy, lastGeneration, openIncident, updateIncident } from '../state/incidents.js';

/** The host's level changed: the guard incident of the host opens, grows or is resolved, and the people are told. */
export async function onLevelChanged(
  service: IncidentService,
  event: OpsEvent<'guard.level-changed'>,
): Promise<readonly EventDraft[]> {
  const { database, log } = service;
  const { host, level, from, reason, generation } = event.data;
  log.info({ host, from, level, reason }, 'guard level');
  const occasion = `${host}-${generation}`;
  // Before PostgreSQL is asked for anything: with it away, a person must hear of an emergency all the same.
  if (level === 'emergency')
    tellMaurice(
      service,
      notices(null, event, occasion).filter(({ subject }) => subject === 'maurice'),
    );
  const plan = await planFor(service, event, incidentId(event));

  switch (plan.do) {
    case 'nothing':
      return [];
    case 'open': {
      const incident = await openIncident(database, plan.incident);
      return told(service, [openedEvent(incident), ...notices(incident.incident_id, event, occasion)]);
    }
    case 'update': {
      if (!(await updateIncident(database, plan.incident))) return leftAlone(service, plan.incident);
      return told(service, [
        updatedEvent(plan.incident, plan.change, plan.incident.evidence.slice(-1)),
        ...notices(plan.incident.incident_id, event, occasion),
      ]);
    }
    case 'resolve': {
      const { incident } = plan;
      const ended = (await updateIncident(database, incident)) || (await findResolvedBy(database, eventKey(event))) !== undefined;
      if (!ended) return leftAlone(service, incident);
      const end = {
        severity: 'info' as const,
        text: `${host} is back at ${level}: ${reason}`,
        about: host,
        incidentId: incident.incident_id,
        occasion,
      };
      return told(service, [resolvedEvent(incident), ...decideNotices(end, audiencesFor(incident.severity))]);
    }
  }
}

// A repeat of the event that opened or ended an incident finds it done: it is said again, and absorbed.
async function planFor(
  { database }: IncidentService,
  event: OpsEvent<'guard.level-changed'>,
  id: string,
): Promise<GuardIncidentPlan> {
  const begun = await findIncident(database, id);
  if (begun !== undefined) return { do: 'open', incident: begun };
  const ended = await findResolvedBy(database, eventKey(event));
  if (ended !== undefined) return { do: 'resolve', incident: ended };
  const open = await findOpen(database, { kind: 'guard', about: event.data.host, fingerprint: null });
  // A change that comes late, after what it began has ended, begins nothing.
  if (open === undefined && event.data.generation <= (await lastGeneration(database, event.data.host))) return { do: 'nothing' };
  return decideGuardIncident(open, event.data, id, eventKey(event));
}

function notices(id: string | null, { data }: OpsEvent<'guard.level-changed'>, occasion: string): readonly EventDraft[] {
  if (data.level !== 'emergency' && data.level !== 'critical') return [];
  const text = `${data.host} ${data.from} → ${data.level}: ${data.reason}`;
  return decideNotices({ severity: data.level, text, about: data.host, incidentId: id, occasion });
}

function told(service: IncidentService, drafts: readonly EventDraft[]): readonly EventDraft[] {
  tellMaurice(service, drafts);
  return drafts;
}
