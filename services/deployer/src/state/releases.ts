import { sql } from 'kysely';
import type { ReleaseFacts } from '../deployment-types.js';
import { type Database, jsonb } from './tables.js';

/** What a project ran and could run again. `release_id` is the deployment that made it. */
export interface Release {
  readonly release_id: string;
  readonly seq: string;
  readonly folder: string;
  readonly at: Date;
  readonly current: boolean;
  /** The folder with its files, compose model and images' names. */
  readonly snapshot: string;
  readonly facts: ReleaseFacts;
}

/** What runs now, as far as a deployment or an adoption has said. */
export async function currentRelease(database: Database, folder: string): Promise<Release | undefined> {
  return (await database
    .selectFrom('release')
    .selectAll()
    .where('folder', '=', folder)
    .where('current', '=', true)
    .executeTakeFirst()) as Release | undefined;
}

/** Releases of a project, newest first. */
export async function listReleases(database: Database, folder: string): Promise<readonly Release[]> {
  return (await database
    .selectFrom('release')
    .selectAll()
    .where('folder', '=', folder)
    .orderBy('seq', 'desc')
    .execute()) as unknown as readonly Release[];
}

/** Makes it what runs now; the same again changes nothing. */
export async function addRelease(database: Database, release: Omit<Release, 'seq' | 'current'>): Promise<void> {
  await database.updateTable('release').set({ current: false }).where('folder', '=', release.folder).execute();
  await database
    .insertInto('release')
    .values({ ...release, seq: sql<string>`default`, current: true, facts: jsonb(release.facts) })
    .onConflict((conflict) => conflict.column('release_id').doUpdateSet({ current: true }))
    .execute();
}

/** Forgets a release; its files and images are the caller's to remove. */
export async function dropRelease(database: Database, releaseId: string): Promise<void> {
  await database.deleteFrom('release').where('release_id', '=', releaseId).where('current', '=', false).execute();
}
