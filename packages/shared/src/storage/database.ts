import { Kysely, type Migration, Migrator, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { withNamedStatements } from './named-statements.js';

/** Migrations by name; they run in the order of their names, once. */
export type Migrations = Readonly<Record<string, Migration>>;

/**
 * A pool on PostgreSQL in which unqualified names are those of the service's own schema: services share a server, not tables.
 * Connections are made when they are needed; `destroy()` ends them. Statements that begin with a name are planned once:
 * {@link withNamedStatements}.
 */
export function openDatabase(url: string, schema: string, most = 5): Kysely<unknown> {
  const pool = new pg.Pool({
    connectionString: url,
    max: most,
    application_name: `ops-${schema}`,
    options: `-c search_path=${schema}`,
    connectionTimeoutMillis: 5000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 30_000,
    // Whoever is frozen inside a transaction must not hold its locks for ever.
    idle_in_transaction_session_timeout: 15_000,
    // The server's limit says nothing where the server hangs.
    query_timeout: 35_000,
  });
  // An idle connection that the server ends is replaced at the next query; without a listener it would end the process.
  pool.on('error', () => undefined);
  // Nor must one that is in use, and idle in its transaction: the next query of the transaction tells.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return new Kysely({ dialect: new PostgresDialect({ pool: withNamedStatements(pool) }) });
}

/**
 * Brings a service's schema up to date. Kysely's migrator holds an advisory lock meanwhile: replicas that start together
 * migrate once. Rejects with the first failed migration's error; what ran before it stays.
 */
export async function migrate(database: Kysely<unknown>, schema: string, migrations: Migrations): Promise<readonly string[]> {
  // Two `IF NOT EXISTS` at once can still collide on the catalog's unique index: the lock makes one wait.
  await database.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtext('ops-schema'))`.execute(transaction);
    await sql`create schema if not exists ${sql.id(schema)}`.execute(transaction);
  });
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableSchema: schema,
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
  return (results ?? []).map(({ migrationName }) => migrationName);
}
