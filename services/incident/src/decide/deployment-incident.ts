import type { EventData } from '@ops/shared/events';
import { type Incident, withEvidence } from '../incident-types.js';
import { toFit } from './to-fit.js';

/** The incident of a deployment that touched something and was not taken back. About its project, whatever service was asked for. */
export function deploymentIncident(failed: EventData<'deploy.failed'>, id: string, at: string, summary: string): Incident {
  const { deployment_id, project, reason, rollback, evidence } = failed;
  return {
    incident_id: id,
    kind: 'deployment',
    about: project,
    fingerprint: null,
    severity: 'emergency',
    summary,
    root_cause: toFit(`deployment ${deployment_id}: ${reason}`),
    resolution: null,
    prevention: null,
    opened_at: new Date(at),
    resolved_at: null,
    generation: 0,
    resolved_by: null,
    evidence: [
      { at, kind: 'deployment', text: `rollback: ${rollback}`, facts: { deployment_id } },
      ...evidence.slice(0, 10).map((text) => ({ at, kind: 'log', text: toFit(text) })),
    ],
  };
}

/** It is over: a later deployment of the project has been proven healthy, as it was asked for or as it was before. */
export function resolvedByDeployment(
  open: Incident,
  { deployment_id, status }: EventData<'deploy.succeeded' | 'deploy.rolled-back'>,
  at: string,
  eventKey: string,
): Incident {
  const text = `deployment ${deployment_id} ${status}: its services are proven healthy`;
  return {
    ...withEvidence(open, { at, kind: 'deployment', text }),
    resolved_at: new Date(at),
    resolved_by: eventKey,
    resolution: text,
    prevention: open.prevention ?? 'See runbooks/deployment-failed.md.',
  };
}
