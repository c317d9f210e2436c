import { sql } from 'kysely';
import { type Database, jsonb } from './tables.js';

/** Writes the record of a deployment; a record that is there stays as it is. */
export async function writeRecord(database: Database, deploymentId: string, record: object): Promise<void> {
  await database
    .insertInto('deployment_record')
    .values({ deployment_id: deploymentId, written_at: sql<Date>`now()`, record: jsonb(record) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The record, once it is written. */
export async function recordOf(database: Database, deploymentId: string): Promise<unknown> {
  const row = await database
    .selectFrom('deployment_record')
    .select('record')
    .where('deployment_id', '=', deploymentId)
    .executeTakeFirst();
  return row?.record;
}
