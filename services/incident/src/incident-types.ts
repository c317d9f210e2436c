import type { EventData } from '@ops/shared/events';

export type Evidence = EventData<'incident.opened'>['evidence'][number];

/** An incident as the rest of the service sees it. */
export interface Incident {
  readonly incident_id: string;
  readonly kind: 'guard' | 'service' | 'alert' | 'deployment' | 'cron';
  readonly about: string;
  /** Of the alert that opened it; null for the guard's. */
  readonly fingerprint: string | null;
  readonly severity: 'warning' | 'critical' | 'emergency';
  readonly summary: string;
  readonly root_cause: string | null;
  readonly resolution: string | null;
  readonly prevention: string | null;
  readonly opened_at: Date;
  readonly resolved_at: Date | null;
  readonly generation: number;
  /** The event that ended it, as `source/id`. */
  readonly resolved_by: string | null;
  readonly evidence: readonly Evidence[];
}

/** The evidence with one more piece; a piece that is there already (a repeat of its event) is not added again. */
export function withEvidence(incident: Incident, fresh: Evidence): Incident {
  const known = incident.evidence.some(({ at, kind, text }) => at === fresh.at && kind === fresh.kind && text === fresh.text);
  // Bounded: an incident that flaps for days must still fit into an event.
  return known ? incident : { ...incident, evidence: [...incident.evidence, fresh].slice(-100) };
}
