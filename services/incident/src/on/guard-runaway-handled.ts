import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { tellMaurice } from '../act/tell-maurice.js';
import { decideNotices } from '../decide/notices.js';
import { toFit } from '../decide/to-fit.js';
import { type IncidentService, leftAlone, shortHash, updatedEvent } from '../incident.js';
import { type Evidence, withEvidence } from '../incident-types.js';
import { findOpen, updateIncident } from '../state/incidents.js';

/** A runaway process was ended, or would have been: the evidence joins the host's incident, and Maurice is told. */
export async function onRunawayHandled(
  service: IncidentService,
  event: OpsEvent<'guard.runaway-handled'>,
): Promise<readonly EventDraft[]> {
  const { host, mode, result, victim, processes, members, container, by, reason, took_ms, evidence } = event.data;
  const others = processes === 1 ? '' : ` and ${processes - 1} more`;
  const where = container === null ? '' : ` of container ${container.name ?? container.id.slice(0, 12)}`;
  const what = mode === 'dry-run' ? 'would be ended' : result;
  const text = toFit(`runaway process ${victim.name} (pid ${victim.pid})${others}${where}: ${what} (${reason})`);
  const open = await findOpen(service.database, { kind: 'guard', about: host, fingerprint: null });
  const notices = decideNotices(
    {
      severity: 'emergency',
      text: `${host}: ${text}`,
      about: host,
      incidentId: open?.incident_id ?? null,
      occasion: `runaway-${shortHash(event)}`,
    },
    ['maurice', 'nucleus'],
  );
  tellMaurice(service, notices);
  if (open === undefined) return notices;
  const fresh: Evidence = {
    at: event.time,
    kind: 'runaway',
    text,
    facts: { victim, members, container, by, took_ms, ...evidence },
  };
  const incident = { ...withEvidence(open, fresh), root_cause: toFit(`${victim.name} (pid ${victim.pid}): ${reason}`) };
  if (!(await updateIncident(service.database, incident))) return [...leftAlone(service, incident), ...notices];
  return [updatedEvent(incident, text, [fresh]), ...notices];
}
