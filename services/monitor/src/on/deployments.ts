import type { EventDraft, OpsEvent } from '@ops/shared/events';
import type { Monitor } from '../monitor.js';

/** Containers are changed from here on: a service of theirs that ends is not called down for that alone. */
export function onDeployStarted({ planned, clock }: Monitor, event: OpsEvent<'deploy.started'>): readonly EventDraft[] {
  // An event that comes late is of a deployment that began long ago.
  planned.begin(event.data, Math.min(Date.parse(event.time), clock.now()));
  return [];
}

/** Whatever became of it: what ends now was not planned. */
export function onDeployEnded(
  { planned }: Monitor,
  event: OpsEvent<'deploy.succeeded'> | OpsEvent<'deploy.failed'> | OpsEvent<'deploy.rolled-back'>,
): readonly EventDraft[] {
  planned.end(event.data.deployment_id);
  return [];
}
