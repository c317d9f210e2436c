import { createHash } from 'node:crypto';
import type { EventDraft, OpsEvent } from '@ops/shared/events';
import type { ServiceContext } from '@ops/shared/runtime';
import type { Incident } from './incident-types.js';
import type { Database } from './state/incidents.js';

/** What the handlers of this service work with. */
export type IncidentService = Pick<ServiceContext, 'log' | 'announce' | 'clock'> & {
  readonly database: Database;
  /** The notices that Maurice has heard from this process. */
  readonly spoken: Set<string>;
};

/** An incident's id, from the event that opened it: the same event twice is one incident. */
export function incidentId(event: OpsEvent): string {
  return `inc-${event.time.slice(0, 10).replaceAll('-', '')}-${shortHash(event)}`;
}

/** The event, short enough for an id: its own id may be as long as an id may be. */
export function shortHash(event: OpsEvent): string {
  return createHash('sha256').update(eventKey(event)).digest('hex').slice(0, 8);
}

/** The event's idempotency key. */
export const eventKey = (event: OpsEvent): string => `${event.source}/${event.id}`;

/** The event's form of an incident, the seed's report fields among them. */
export function incidentData(incident: Incident) {
  const { incident_id, severity, root_cause, resolution, prevention, kind, about, summary, opened_at } = incident;
  return { incident_id, severity, root_cause, resolution, prevention, kind, about, summary, opened_at: opened_at.toISOString() };
}

/** What was to be changed has ended, or moved on, since it was read: nothing is said of it. */
export function leftAlone({ log }: Pick<IncidentService, 'log'>, { incident_id }: Incident): readonly EventDraft[] {
  log.info({ incident: incident_id }, 'incident has moved on, left alone');
  return [];
}

export function openedEvent(incident: Incident): EventDraft<'incident.opened'> {
  return {
    type: 'incident.opened',
    subject: incident.about,
    data: { ...incidentData(incident), evidence: [...incident.evidence] },
  };
}

/** @param fresh the evidence that is new with this update */
export function updatedEvent(incident: Incident, change: string, fresh: Incident['evidence']): EventDraft<'incident.updated'> {
  return { type: 'incident.updated', subject: incident.about, data: { ...incidentData(incident), change, evidence: [...fresh] } };
}

export function resolvedEvent(incident: Incident): EventDraft<'incident.resolved'> {
  const resolved = incident.resolved_at ?? incident.opened_at;
  return {
    type: 'incident.resolved',
    subject: incident.about,
    data: {
      ...incidentData(incident),
      resolved_at: resolved.toISOString(),
      duration: Math.max(0, (resolved.getTime() - incident.opened_at.getTime()) / 1000),
    },
  };
}
