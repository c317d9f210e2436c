import { sql } from 'kysely';
import type { Database } from './tables.js';

const CHUNK = 5000;
// Table, and the time that says how old a row is. What has not ended is never old.
const TABLES = [
  ['cron_proposal', 'decided_at'],
  ['cron_retry', 'ended_at'],
  ['cron_missed', 'slot'],
  ['cron_run', 'ended_at'],
] as const;

/** Deletes what is older than the history is kept (ms); returns how many rows went. */
export async function forgetOld(database: Database, now: number, keep: number): Promise<number> {
  const before = new Date(now - keep);
  let gone = 0;
  for (const [table, column] of TABLES) {
    for (;;) {
      const { numAffectedRows } = await sql`
        delete from ${sql.table(table)} where ctid = any(array(
          select ctid from ${sql.table(table)} where ${sql.ref(column)} < ${before} limit ${CHUNK}))`.execute(database);
      gone += Number(numAffectedRows ?? 0n);
      if (Number(numAffectedRows ?? 0n) < CHUNK) break;
    }
  }
  // A review goes with its last proposal.
  const { numAffectedRows } = await sql`
    delete from cron_review r where r.made_at < ${before}
      and not exists (select from cron_proposal p where p.review_id = r.review_id)`.execute(database);
  return gone + Number(numAffectedRows ?? 0n);
}
