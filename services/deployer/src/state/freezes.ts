import { sql } from 'kysely';
import type { Database } from './tables.js';

export interface Freeze {
  readonly by: string;
  readonly reason: string;
  readonly at: Date;
  readonly until: Date | null;
}

/** The freeze that holds deployments now, if there is one. */
export async function currentFreeze(database: Database): Promise<Freeze | undefined> {
  return database
    .selectFrom('deployment_freeze')
    .select(['by', 'reason', 'at', 'until'])
    .where(({ or, eb }) => or([eb('until', 'is', null), eb('until', '>', sql<Date>`now()`)]))
    .executeTakeFirst();
}

/** Freezes, or changes the freeze that is there. */
export async function setFreeze(database: Database, freeze: Freeze): Promise<void> {
  await database
    .insertInto('deployment_freeze')
    .values({ id: 1, ...freeze })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(freeze))
    .execute();
}

/** Ends it; false where there was none. */
export async function endFreeze(database: Database): Promise<boolean> {
  return (await database.deleteFrom('deployment_freeze').executeTakeFirst()).numDeletedRows > 0n;
}
