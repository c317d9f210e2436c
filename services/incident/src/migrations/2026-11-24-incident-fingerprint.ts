import { type Kysely, sql } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('incident').addColumn('fingerprint', 'text').execute();
  await database.schema.dropIndex('incident_open').execute();
  // One open incident for one condition: two alerts may speak of the same thing, and end at different times.
  await sql`create unique index incident_open on incident (kind, about, coalesce(fingerprint, '')) where resolved_at is null`.execute(
    database,
  );
}
