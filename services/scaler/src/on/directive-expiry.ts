import type { EventDraft } from '@ops/shared/events';
import type { Scaler } from '../scaler.js';
import { findUnacknowledged } from '../state/directives.js';

/** The time for an acknowledgement is over: if there was none, that is said. */
export async function onDirectiveExpiry(
  { database, config }: Scaler,
  { directive_id }: { directive_id: string },
): Promise<readonly EventDraft[]> {
  const directive = await findUnacknowledged(database, directive_id);
  if (directive === undefined) return [];
  return [
    {
      type: 'directive.expired',
      subject: directive.target,
      data: {
        directive_id,
        target: directive.target as 'kimi-swarm',
        action: directive.action,
        issued_at: directive.issued_at.toISOString(),
        reason: `no acknowledgement within ${config.swarm.acknowledge_within / 1000} s`,
      },
    },
  ];
}
