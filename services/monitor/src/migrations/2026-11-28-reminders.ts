import type { Kysely } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .alterTable('alert_episode')
    .addColumn('reminders', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('reminded_at', 'timestamptz')
    .execute();
}
