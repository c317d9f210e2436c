import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type { Pool, PoolClient } from 'pg';

const NAME = /^\s*\/\* ([a-z][a-z-]*) \*\//;

/**
 * The same pool, whose connections parse and plan a statement once that begins with a name, in a comment of one word. For statements that
 * are run many times a second and whose plan costs more than their work. A name stands for one text; as its plan is kept, the text must
 * not depend on how many values there are (arrays, not lists), nor return whole rows of a table that may change.
 */
export function withNamedStatements(pool: Pool): PostgresPool {
  const known = new WeakMap<PoolClient, PostgresPoolClient>();
  return {
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect();
      const wrapped = known.get(client) ?? named(client);
      known.set(client, wrapped);
      return wrapped;
    },
  };
}

function named(client: PoolClient): PostgresPoolClient {
  const query = (text: string, values: readonly unknown[]) => {
    const name = NAME.exec(text)?.[1];
    return name === undefined ? client.query(text, [...values]) : client.query({ name, text, values: [...values] });
  };
  // Kysely asks for cursors where it is given their class only.
  return { query: query as unknown as PostgresPoolClient['query'], release: () => client.release() };
}
