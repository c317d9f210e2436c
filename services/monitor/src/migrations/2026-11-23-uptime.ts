import { type Kysely, sql } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('uptime_span')
    .addColumn('host', 'text', (column) => column.notNull())
    .addColumn('service', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('began', 'timestamptz', (column) => column.notNull())
    .addColumn('seen_until', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('uptime_span_key', ['host', 'service', 'began'])
    .addCheckConstraint('uptime_span_forward', sql`seen_until >= began`)
    .execute();
  await database.schema.createIndex('uptime_span_age').on('uptime_span').column('seen_until').execute();
}
