import { createHash } from 'node:crypto';
import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { buildRecord } from '../decide/record.js';
import { judgeRequest } from '../decide/request.js';
import type { Deployer } from '../deployer.js';
import type { Deployment, Finding } from '../deployment-types.js';
import { blockedEvent, deferredEvent } from '../events.js';
import { addDeployment, type NewDeployment } from '../state/deployments.js';
import { writeRecord } from '../state/journal.js';

/** The id of the deployment that an event asks for: the same event, however often it comes, is one deployment. */
export function deploymentIdOf(event: { readonly source: string; readonly id: string }): string {
  return createHash('sha256').update(`${event.source}\n${event.id}`).digest('hex').slice(0, 16);
}

/** A request is stored and stands in line; one that cannot be carried out is refused here, with every reason, and documented. */
export async function onDeployRequested(deployer: Deployer, event: OpsEvent<'deploy.requested'>): Promise<readonly EventDraft[]> {
  const { clock, config, database } = deployer;
  const now = clock.now();
  const judged = judgeRequest(event.data, config.inventory.services);
  const { data: _data, ...cause } = event;
  const id = deploymentIdOf(event);
  const request = judged.ok ? judged.request : null;
  const about = judged.ok ? judged.request.about : judged.about;
  const folder = request?.folder ?? 'unknown';
  const findings: readonly Finding[] = judged.ok ? [] : judged.findings;
  const deployment: NewDeployment = {
    deployment_id: id,
    lane: request === null || request.dryRun ? `alone ${id}` : folder,
    folder,
    about,
    kind: event.data.kind.slice(0, 200) || 'none',
    request,
    requested_by: (event.data.requested_by ?? event.actor ?? event.source).slice(0, 200) || 'unknown',
    cause,
    step: 'gate',
    verdict: judged.ok ? null : 'blocked',
    reason: judged.ok
      ? null
      : findings.map(({ where, found, expected }) => `${where}: ${found || 'nothing'}: expected ${expected}`).join('; '),
    plan: null,
    plan_hash: null,
    approval: null,
    touched: false,
    waits_for: null,
    wake_at: null,
    expires_at: null,
    verify_until: null,
    watch_until: null,
    failure: null,
    facts: {},
    created_at: new Date(now),
    finished_at: judged.ok ? null : new Date(now),
  };
  await addDeployment(database, deployment, (ahead) => {
    if (!judged.ok) return [blockedEvent(deployment, findings, now)];
    const [first] = ahead;
    return first === undefined
      ? []
      : [deferredEvent(deployment, `it stands in line behind ${first} (${ahead.length} before it)`, null, now)];
  });
  // Before the event is acknowledged: a crash in between comes here again.
  if (!judged.ok)
    await writeRecord(database, id, buildRecord({ ...deployment, seq: '0' } as Deployment, [], findings, { release: null }));
  deployer.nudge();
  return [];
}
