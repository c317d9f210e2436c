import { type Kysely, sql } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('incident')
    .addColumn('incident_id', 'text', (column) => column.primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('about', 'text', (column) => column.notNull())
    .addColumn('severity', 'text', (column) => column.notNull())
    .addColumn('summary', 'text', (column) => column.notNull())
    .addColumn('root_cause', 'text')
    .addColumn('resolution', 'text')
    .addColumn('prevention', 'text')
    .addColumn('opened_at', 'timestamptz', (column) => column.notNull())
    .addColumn('resolved_at', 'timestamptz')
    .addColumn('resolved_by', 'text')
    .addColumn('generation', 'bigint', (column) => column.notNull().defaultTo(0))
    .addColumn('evidence', 'jsonb', (column) => column.notNull().defaultTo(sql`'[]'::jsonb`))
    .execute();
  await sql`create unique index incident_resolved_by on incident (resolved_by)`.execute(database);
  // One open incident for one thing: replicas that see the same condition at once open it once.
  await sql`create unique index incident_open on incident (kind, about) where resolved_at is null`.execute(database);
}
