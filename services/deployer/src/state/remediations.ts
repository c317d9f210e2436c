import { sql } from 'kysely';
import type { PastRestart } from '../decide/remediation.js';
import type { Database } from './tables.js';

/**
 * Restarts of a project's services that software asked for and that touched a container, ended since; also those that did not help.
 * One that was refused, or waits, restarted nothing and is not among them.
 */
export async function remediationsSince(database: Database, folder: string, since: Date): Promise<readonly PastRestart[]> {
  const { rows } = await sql<{ services: string[]; finished_at: Date }>`
    select request->'services' as services, finished_at from deployment
    where folder = ${folder} and kind = 'restart' and touched and request->'remediation' = 'true' and finished_at > ${since}`.execute(
    database,
  );
  return rows.map(({ services, finished_at }) => ({ services, endedAt: finished_at.getTime() }));
}
