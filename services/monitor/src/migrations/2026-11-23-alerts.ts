import { type Kysely, sql } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('alert_episode')
    .addColumn('episode_id', 'text', (column) => column.primaryKey())
    .addColumn('fingerprint', 'text', (column) => column.notNull())
    .addColumn('origin', 'text', (column) => column.notNull())
    .addColumn('host', 'text', (column) => column.notNull())
    .addColumn('raised', 'jsonb', (column) => column.notNull())
    .addColumn('raised_at', 'timestamptz', (column) => column.notNull())
    .addColumn('raise_said', 'boolean', (column) => column.notNull().defaultTo(false))
    .addColumn('cleared', 'jsonb')
    .addColumn('cleared_at', 'timestamptz')
    .addColumn('clear_said', 'boolean', (column) => column.notNull().defaultTo(false))
    .addColumn('acknowledged_at', 'timestamptz')
    .addColumn('acknowledged_by', 'text')
    .addColumn('acknowledged_reason', 'text')
    .execute();
  // One condition, one firing alert.
  await sql`create unique index alert_firing on alert_episode (fingerprint) where cleared_at is null`.execute(database);
  await sql`create index alert_unsaid on alert_episode (raised_at) where not raise_said or (cleared_at is not null and not clear_said)`.execute(
    database,
  );
  await sql`create index alert_recent on alert_episode (raised_at desc)`.execute(database);
  await database.schema
    .createTable('silence')
    .addColumn('fingerprint', 'text', (column) => column.primaryKey())
    .addColumn('until', 'timestamptz', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('by', 'text', (column) => column.notNull())
    .execute();
}
