import type { EventData } from '@ops/shared/events';
import type { Kysely } from 'kysely';

export interface DirectiveTable {
  directive_id: string;
  target: string;
  action: string;
  issued_at: Date;
  acknowledge_by: Date;
  acknowledged_at: Date | null;
}

export type Database = Kysely<{ directive: DirectiveTable }>;

/** Remembers issued directives; one that is known already stays as it is. */
export async function rememberIssued(
  database: Database,
  directives: readonly EventData<'directive.issued'>[],
  at: Date,
): Promise<void> {
  if (directives.length === 0) return;
  await database
    .insertInto('directive')
    .values(
      directives.map(({ directive_id, target, action, acknowledge_by }) => ({
        directive_id,
        target,
        action,
        issued_at: at,
        acknowledge_by: new Date(acknowledge_by),
        acknowledged_at: null,
      })),
    )
    .onConflict((conflict) => conflict.column('directive_id').doNothing())
    .execute();
}

/** Marks a directive as taken; returns whether it was known and still open. */
export async function markAcknowledged(database: Database, directiveId: string, target: string, at: Date): Promise<boolean> {
  const result = await database
    .updateTable('directive')
    .set({ acknowledged_at: at })
    .where('directive_id', '=', directiveId)
    .where('target', '=', target)
    .where('acknowledged_at', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** The directive, if nobody has acknowledged it. */
export async function findUnacknowledged(database: Database, directiveId: string): Promise<DirectiveTable | undefined> {
  return database
    .selectFrom('directive')
    .selectAll()
    .where('directive_id', '=', directiveId)
    .where('acknowledged_at', 'is', null)
    .executeTakeFirst();
}
