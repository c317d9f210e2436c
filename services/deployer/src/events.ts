import type { EventDraft } from '@ops/shared/events';
import type { Deployment, Finding, Step } from './deployment-types.js';

type About = Pick<Deployment, 'deployment_id' | 'about' | 'kind' | 'folder' | 'created_at'>;

/** The seed's deployment log, which every event of a deployment carries. */
function log({ deployment_id, about, kind, folder, created_at }: About, status: string, now: number) {
  return {
    service: about,
    action: kind,
    status,
    timestamp: new Date(now).toISOString(),
    duration: Math.max(0, now - created_at.getTime()) / 1000,
    deployment_id,
    project: folder.slice(0, 200) || 'unknown',
  };
}

/** At most so many characters, for a field of an event. */
export function toFit(text: string, most = 2000): string {
  const clean = text.trim() || 'no reason given';
  return clean.length > most ? `${clean.slice(0, most - 3)}...` : clean;
}

export function blockedEvent(about: About, findings: readonly Finding[], now: number): EventDraft {
  return {
    type: 'deploy.blocked',
    subject: about.about,
    at: now,
    data: { ...log(about, 'blocked', now), findings: findings.slice(0, 100) },
  };
}

export function deferredEvent(about: About, reason: string, until: Date | null, now: number): EventDraft {
  const data = { ...log(about, 'deferred', now), reason: toFit(reason), until: until?.toISOString() ?? null };
  return { type: 'deploy.deferred', subject: about.about, at: now, data };
}

export function stepEvent(
  about: About,
  step: Step,
  { outcome, durationMs, detail }: { outcome: 'done' | 'failed' | 'held'; durationMs: number; detail: string },
  now: number,
): EventDraft {
  const data = {
    ...log(about, outcome, now),
    step,
    outcome,
    duration_ms: Math.max(0, durationMs),
    detail: detail.slice(0, 2000),
  };
  return { type: 'deploy.step-finished', subject: about.about, at: now, data };
}

export function approvalEvent(
  about: About,
  planHash: string,
  reasons: readonly string[],
  expiresAt: Date,
  now: number,
): EventDraft {
  return {
    type: 'deploy.approval-required',
    subject: about.about,
    at: now,
    data: {
      ...log(about, 'approval-required', now),
      plan_hash: planHash,
      reasons: reasons.map((reason) => toFit(reason)),
      expires_at: expiresAt.toISOString(),
    },
  };
}

export function decisionEvent(
  type: 'deploy.approved' | 'deploy.rejected',
  about: About,
  { planHash, by, reason }: { planHash: string; by: string; reason: string },
  now: number,
): EventDraft {
  const status = type === 'deploy.approved' ? 'approved' : 'rejected';
  const data = { ...log(about, status, now), plan_hash: planHash, by, reason: reason.slice(0, 2000) };
  return { type, subject: about.about, at: now, actor: by.slice(0, 200), data };
}

export function startedEvent(deployment: Deployment, level: 'normal' | 'warn', now: number): EventDraft {
  const services = deployment.plan?.services ?? [];
  return {
    type: 'deploy.started',
    subject: deployment.about,
    at: now,
    data: {
      ...log(deployment, 'started', now),
      requested_by: deployment.requested_by,
      level,
      plan_hash: deployment.plan_hash ?? 'none',
      reversible: (deployment.plan?.irreversible.length ?? 0) === 0,
      services: services.slice(0, 200).map(({ service, change, old, imageId }) => ({
        service,
        change,
        from_image: old[0]?.imageId ?? null,
        to_image: imageId,
      })),
    },
  };
}

export function succeededEvent(
  about: About,
  services: readonly { service: string; image_id: string; config_hash: string; container: string }[],
  now: number,
): EventDraft {
  return {
    type: 'deploy.succeeded',
    subject: about.about,
    at: now,
    data: { ...log(about, 'succeeded', now), services: services.slice(0, 500) },
  };
}

interface Ending {
  readonly step: Step;
  readonly reason: string;
  readonly evidence: readonly string[];
}

const ending = ({ step, reason, evidence }: Ending) => ({
  step,
  reason: toFit(reason),
  evidence: evidence.slice(0, 50).map((line) => line.slice(0, 4000)),
});

export function failedEvent(
  about: About,
  failure: Ending,
  { touched, rollback }: { touched: boolean; rollback: 'not-needed' | 'impossible' | 'failed' },
  now: number,
): EventDraft {
  const data = { ...log(about, 'failed', now), ...ending(failure), touched, rollback };
  return { type: 'deploy.failed', subject: about.about, at: now, data };
}

export function rolledBackEvent(about: About, failure: Ending, restored: readonly string[], now: number): EventDraft {
  const data = { ...log(about, 'rolled-back', now), ...ending(failure), restored: [...restored] };
  return { type: 'deploy.rolled-back', subject: about.about, at: now, data };
}
