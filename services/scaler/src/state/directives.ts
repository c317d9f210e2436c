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

/** Remembers an issued directive; one that is known already stays as it is, acknowledged or not. */
export async function rememberIssued(database: Database, issued: EventData<'directive.issued'>, at: Date): Promise<void> {
  const { directive_id, target, action, acknowledge_by } = issued;
  const row = {
    directive_id,
    target,
    action,
    issued_at: at,
    acknowledge_by: new Date(acknowledge_by),
    acknowledged_at: null,
  };
  await database
    .insertInto('directive')
    .values(row)
    // What another than its target acknowledged, before we knew whose it is, is not acknowledged.
    .onConflict((conflict) => conflict.column('directive_id').doUpdateSet(row).where('directive.target', '<>', target))
    .execute();
}

/**
 * Marks a directive as taken; returns whether it was open until now. One that is not known yet is stored as taken: its
 * acknowledgement came before we remembered it, and remembering leaves it so.
 */
export async function markAcknowledged(database: Database, directiveId: string, target: string, at: Date): Promise<boolean> {
  const result = await database
    .insertInto('directive')
    .values({
      directive_id: directiveId,
      target,
      action: 'not known yet',
      issued_at: at,
      acknowledge_by: at,
      acknowledged_at: at,
    })
    .onConflict((conflict) =>
      conflict
        .column('directive_id')
        .doUpdateSet({ acknowledged_at: at })
        .where('directive.target', '=', target)
        .where('directive.acknowledged_at', 'is', null),
    )
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
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
