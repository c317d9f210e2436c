import type { EventDraft, OpsEvent } from '@ops/shared/events';
import type { Deployer } from '../deployer.js';

/** The gate has moved: what waits for it is looked at now. The gate itself is read from Redis before each step, which no event can outrun. */
export function onDirectiveIssued(deployer: Deployer, event: OpsEvent<'directive.issued'>): readonly EventDraft[] {
  const { directive_id, target } = event.data;
  if (target !== 'deployer') return [];
  deployer.nudge();
  return [
    { type: 'directive.acknowledged', subject: target, data: { directive_id, target, by: `deployer on ${deployer.host}` } },
  ];
}
