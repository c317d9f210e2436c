import type { EventDraft, OpsEvent } from '@ops/shared/events';
import type { Logger } from '@ops/shared/runtime';
import { isUnavailable, OpsError, type Publisher } from '@ops/shared/streams';
import { sql } from 'kysely';
import type { Database } from './tables.js';

const BATCH = 100;

/**
 * Publishes what the journal has to say, in order. An event is marked once it is out; a crash in between says it again, with the same
 * id. Returns how many went out.
 */
export async function flushEvents(database: Database, publisher: Publisher, log: Logger): Promise<number> {
  return database.transaction().execute(async (transaction) => {
    // One at a time, or two deployers would mix up the order.
    await sql`select pg_advisory_xact_lock(hashtext('ops-deployer-outbox'))`.execute(transaction);
    const waiting = await transaction
      .selectFrom('deployment_event')
      .innerJoin('deployment', 'deployment.deployment_id', 'deployment_event.deployment_id')
      .select([
        'deployment_event.n as n',
        'deployment_event.deployment_id as id',
        'deployment_event.draft as draft',
        'deployment.cause as cause',
      ])
      .where('deployment_event.published_at', 'is', null)
      .orderBy('deployment_event.n')
      .limit(BATCH)
      .execute();
    for (const { n, id, draft, cause } of waiting) {
      try {
        await publisher.publish([{ ...(draft as EventDraft), purpose: `${id}/${n}` }], cause as unknown as OpsEvent);
      } catch (error) {
        if (!(error instanceof OpsError) || error.retryable || isUnavailable(error)) throw error;
        // A mistake of ours in one event must not silence every later one. It stays in the table, and in the log.
        log.error({ deployment: id, n, draft, error }, 'an event of a deployment cannot be published');
      }
    }
    if (waiting.length > 0) {
      await transaction
        .updateTable('deployment_event')
        .set({ published_at: sql<Date>`now()` })
        .where(
          'n',
          'in',
          waiting.map(({ n }) => n),
        )
        .execute();
    }
    return waiting.length;
  });
}
