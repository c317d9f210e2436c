import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { directiveExpiry } from '../jobs.js';
import type { Scaler } from '../scaler.js';
import { markAcknowledged } from '../state/directives.js';

/** A target took a directive: it will not expire, also where this is heard before we remembered it. */
export async function onAcknowledged(
  { database, clock, queues, log }: Scaler,
  event: OpsEvent<'directive.acknowledged'>,
): Promise<readonly EventDraft[]> {
  const { directive_id, target } = event.data;
  if (await markAcknowledged(database, directive_id, target, new Date(clock.now()))) {
    await queues.cancel(directiveExpiry, { directive_id });
  } else {
    log.info({ directive_id, target }, 'acknowledgement of no open directive');
  }
  return [];
}
