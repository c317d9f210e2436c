import { openDatabase } from '@ops/shared/storage';
import { testPostgres } from '@ops/shared/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

let database: ReturnType<typeof openDatabase>;

beforeAll(async () => {
  // One connection: what it has prepared is seen.
  database = openDatabase(await (await testPostgres()).fresh(), 'public', 1);
});
afterAll(() => database.destroy());

const prepared = () =>
  sql<{ name: string; times: number }>`
    select name, (generic_plans + custom_plans)::int as times from pg_prepared_statements order by name`.execute(database);

test('a statement that begins with a name is parsed once a connection, whatever its values; others are not kept', async () => {
  for (const value of [1, 2, 3]) {
    const { rows } = await sql`/* doubled */ select ${value}::int * 2 as twice`.execute(database);
    expect(rows).toEqual([{ twice: value * 2 }]);
  }
  await sql`select ${4}::int /* not-a-name */`.execute(database);
  expect((await prepared()).rows).toEqual([{ name: 'doubled', times: 3 }]);
});

test('a name stands for one text: another one is refused, and the connection stays of use', async () => {
  await sql`/* once */ select ${1}::int`.execute(database);
  await expect(sql`/* once */ select ${1}::text`.execute(database)).rejects.toThrow('once');
  expect((await sql`select 1 as one`.execute(database)).rows).toEqual([{ one: 1 }]);
});

test('what a named statement gets wrong is said as ever, in a transaction too', async () => {
  const failing = database.transaction().execute((transaction) => sql`/* divided */ select 1 / ${0}::int`.execute(transaction));
  await expect(failing).rejects.toThrow('division by zero');
  expect((await sql`/* divided */ select 1 / ${1}::int`.execute(database)).rows).toEqual([{ '?column?': 1 }]);
});
