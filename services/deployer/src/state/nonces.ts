import { sql } from 'kysely';
import type { Database } from './tables.js';

/**
 * Takes a nonce for a deployment. False where another deployment had it; the same deployment again is a repeat of its event.
 * Nonces that are older than twice the age that counts are forgotten: their signatures are too old by themselves.
 */
export async function takeNonce(database: Database, nonce: string, deploymentId: string, maxAgeMs: number): Promise<boolean> {
  await sql`delete from request_nonce where at < now() - ${2 * maxAgeMs} * interval '1 ms'`.execute(database);
  await database
    .insertInto('request_nonce')
    .values({ nonce, deployment_id: deploymentId, at: sql<Date>`now()` })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const held = await database.selectFrom('request_nonce').select('deployment_id').where('nonce', '=', nonce).executeTakeFirst();
  return held?.deployment_id === deploymentId;
}
