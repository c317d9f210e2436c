import { sql } from 'kysely';
import type { Database } from './tables.js';

/** When nobody listened last: from the last sign of life until somebody was back; epoch ms. */
export interface Absence {
  readonly from: number;
  readonly to: number;
}

// Shorter than that is no absence: whoever knocks tries for longer.
const SHORTEST_MS = 5000;
// Two absences within that are one: what was put off by the first may still wait when the second begins.
const ONE_MS = 3_600_000;

/** Says that somebody listens. Whoever comes after a silence notes the absence. */
export async function notePresence(database: Database, now: number): Promise<void> {
  const at = new Date(now);
  await database.transaction().execute(async (transaction) => {
    // Each second: nobody waits for the disk.
    await sql`set local synchronous_commit to off`.execute(transaction);
    await sql`
    insert into cron_presence (one, seen_at, back_at) values (true, ${at}, ${at})
    on conflict (one) do update set
      away_from = case
        when cron_presence.seen_at >= ${new Date(now - SHORTEST_MS)} then cron_presence.away_from
        when cron_presence.away_from is not null and cron_presence.back_at > ${new Date(now - ONE_MS)} then cron_presence.away_from
        else cron_presence.seen_at end,
      back_at = case when cron_presence.seen_at < ${new Date(now - SHORTEST_MS)} then ${at} else cron_presence.back_at end,
      seen_at = greatest(cron_presence.seen_at, ${at})`.execute(transaction);
  });
}

/** The last absence; undefined where there was none yet. */
export async function lastAbsence(database: Database): Promise<Absence | undefined> {
  const row = await database.selectFrom('cron_presence').selectAll().executeTakeFirst();
  return row?.away_from === null || row === undefined ? undefined : { from: row.away_from.getTime(), to: row.back_at.getTime() };
}
