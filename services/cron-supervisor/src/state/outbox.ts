import type { EventDraft } from '@ops/shared/events';
import type { Logger } from '@ops/shared/runtime';
import { isUnavailable, OpsError, type Publisher } from '@ops/shared/streams';
import { type RawBuilder, sql, type Transaction } from 'kysely';
import { type Database, jsonb, type Tables } from './tables.js';

const BATCH = 500;

/** Writes what is to be said, with the change that it speaks of. Each draft has a purpose: said again, it is the same event. */
export async function say(transaction: Transaction<Tables>, drafts: readonly EventDraft[]): Promise<void> {
  if (drafts.length > 0) await saying(drafts).execute(transaction);
}

/** The statement that {@link say} runs, for whoever stores something else in the same one. */
export function saying(drafts: readonly EventDraft[]): RawBuilder<unknown> {
  return sql`
    insert into cron_event (draft)
    select value from jsonb_array_elements(${jsonb(drafts)}) with ordinality as d(value, at) order by at`;
}

/**
 * Publishes what is to be said, in order. It is taken out once it is on the bus; a crash in between says it again, with the same id.
 * Returns how many events went out.
 */
export async function flushEvents(database: Database, publisher: Publisher, log: Logger): Promise<number> {
  return database.transaction().execute(async (transaction) => {
    // One at a time, or two supervisors would mix up the order.
    const { rows } = await sql<{ held: boolean }>`select pg_try_advisory_xact_lock(hashtext('ops-cron-outbox')) as held`.execute(
      transaction,
    );
    if (rows[0]?.held !== true) return 0;
    // That something was said need not be on disk: after a crash it is said again, with the same id.
    await sql`set local synchronous_commit to off`.execute(transaction);
    const waiting = await transaction.selectFrom('cron_event').selectAll().orderBy('n').limit(BATCH).execute();
    if (waiting.length === 0) return 0;
    const drafts = waiting.map(({ draft }) => draft as EventDraft);
    try {
      await publisher.publish(drafts);
    } catch (error) {
      if (!isMistake(error)) throw error;
      await oneByOne(drafts, publisher, log);
    }
    // By name: one with a smaller number may have been written meanwhile.
    await sql`delete from cron_event where n = any(${waiting.map(({ n }) => n)}::bigint[])`.execute(transaction);
    return waiting.length;
  });
}

// A mistake of ours in one event must not silence the others. It is in the log, whole.
async function oneByOne(drafts: readonly EventDraft[], publisher: Publisher, log: Logger): Promise<void> {
  for (const draft of drafts) {
    try {
      await publisher.publish([draft]);
    } catch (error) {
      if (!isMistake(error)) throw error;
      log.error({ draft, error }, 'an event about a scheduled job cannot be published');
    }
  }
}

function isMistake(error: unknown): boolean {
  return error instanceof OpsError && !error.retryable && !isUnavailable(error);
}
