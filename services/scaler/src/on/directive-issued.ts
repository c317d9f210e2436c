import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { directiveExpiry } from '../jobs.js';
import type { Scaler } from '../scaler.js';
import { rememberIssued } from '../state/directives.js';
import { markTold } from '../state/swarm-limits.js';

/**
 * One of our own directives is out: from now on its acknowledgement is awaited. Remembered here and not where it is
 * decided, because a command to halt must not wait for PostgreSQL. The time runs from now: what waited for PostgreSQL
 * must not expire before the acknowledgement that waited beside it.
 */
export async function onDirectiveIssued(
  { database, redis, queues, config }: Scaler,
  event: OpsEvent<'directive.issued'>,
): Promise<readonly EventDraft[]> {
  const { directive_id } = event.data;
  await markTold(redis, config.swarm.name, directive_id);
  await rememberIssued(database, event.data, new Date(event.time));
  await queues.add(directiveExpiry, { directive_id }, config.swarm.acknowledge_within);
  return [];
}
