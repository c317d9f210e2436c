import { createHash } from 'node:crypto';
import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { namedSecret } from '@ops/shared/runtime';
import { isSignedWith } from '../act/signature.js';
import { buildRecord } from '../decide/record.js';
import { type JudgedRequest, judgeRequest } from '../decide/request.js';
import { judgeSignature } from '../decide/signature.js';
import type { Deployer } from '../deployer.js';
import type { Finding } from '../deployment-types.js';
import { blockedEvent, deferredEvent } from '../events.js';
import { addDeployment, findDeployments, type NewDeployment } from '../state/deployments.js';
import { takeNonce } from '../state/nonces.js';

/** The id of the deployment that an event asks for: the same event, however often it comes, is one deployment. */
export function deploymentIdOf(event: { readonly source: string; readonly id: string }): string {
  return createHash('sha256').update(`${event.source}\n${event.id}`).digest('hex').slice(0, 16);
}

/** A request is stored and stands in line; one that cannot be carried out is refused here, with every reason, and documented. */
export async function onDeployRequested(deployer: Deployer, event: OpsEvent<'deploy.requested'>): Promise<readonly EventDraft[]> {
  const { clock, config, database } = deployer;
  const now = clock.now();
  const id = deploymentIdOf(event);
  // What was decided of an event is decided: a repeat of it changes nothing, however late it comes.
  if ((await findDeployments(database, id)).length > 0) return [];
  const fault = await signatureFault(deployer, event, id);
  const judged = refusedBy(fault, judgeRequest(event.data, config.inventory.services));
  const { data: _data, ...cause } = event;
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
  const record = judged.ok ? undefined : buildRecord({ ...deployment, seq: '0' }, [], findings, { release: null });
  const drafts = (ahead: readonly string[]) => {
    if (!judged.ok)
      return [
        blockedEvent(deployment, findings, now),
        ...(fault === undefined ? [] : [securityEvent(fault.kind, deployment, now)]),
      ];
    const [first] = ahead;
    return first === undefined
      ? []
      : [deferredEvent(deployment, `it stands in line behind ${first} (${ahead.length} before it)`, null, now)];
  };
  await addDeployment(database, deployment, drafts, record);
  deployer.nudge();
  return [];
}

type Fault = NonNullable<ReturnType<typeof judgeSignature>>;

async function signatureFault(
  { config, database, clock }: Deployer,
  { data }: OpsEvent<'deploy.requested'>,
  id: string,
): Promise<Fault | undefined> {
  const { signature: wanted, max_age, ...source } = config.deploy.requests;
  const secret = namedSecret(source)?.reveal();
  if (secret === undefined || (wanted === 'optional' && data.signature === undefined)) return undefined;
  const isRight = isSignedWith(data, secret);
  const isUsed = isRight && data.signature !== undefined && !(await takeNonce(database, data.signature.nonce, id, max_age));
  return judgeSignature({ signature: data.signature, isRight, isUsed, now: clock.now(), maxAgeMs: max_age });
}

function refusedBy(fault: Fault | undefined, judged: JudgedRequest): JudgedRequest {
  if (fault === undefined) return judged;
  return { ok: false, about: judged.ok ? judged.request.about : judged.about, findings: [fault.finding] };
}

function securityEvent(kind: Fault['kind'], { about, requested_by, cause }: NewDeployment, now: number): EventDraft {
  const data = {
    kind,
    service: about,
    summary: `a deploy request for ${about} was refused: ${kind.replace('-', ' ')}`,
    who: `${requested_by}, as the request says; written by ${String(cause.source)}`.slice(0, 500),
    what: `event ${String(cause.id)}`,
    timestamp: new Date(now).toISOString(),
  };
  return { type: 'security.detected', subject: about, at: now, data };
}
