import { type Kysely, sql } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('directive')
    .addColumn('directive_id', 'text', (column) => column.primaryKey())
    .addColumn('target', 'text', (column) => column.notNull())
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('issued_at', 'timestamptz', (column) => column.notNull())
    .addColumn('acknowledge_by', 'timestamptz', (column) => column.notNull())
    .addColumn('acknowledged_at', 'timestamptz')
    .execute();
  await sql`create index directive_open on directive (acknowledge_by) where acknowledged_at is null`.execute(database);
}
