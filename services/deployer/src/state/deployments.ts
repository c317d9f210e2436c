import { type EventDraft, showNulInText } from '@ops/shared/events';
import { type Insertable, sql } from 'kysely';
import type { Deployment, Verdict } from '../deployment-types.js';
import { writeRecord } from './record.js';
import { type Database, jsonb, type Tables } from './tables.js';

/** Every change to a deployment that a step may make. */
export type Change = Partial<Omit<Deployment, 'deployment_id' | 'seq' | 'folder' | 'created_at'>>;

export type NewDeployment = Omit<Deployment, 'seq'>;

const JSON_COLUMNS = ['request', 'cause', 'plan', 'approval', 'failure', 'facts'] as const;

/**
 * Stores a request, with what is to be said of it; the same request again changes nothing.
 * Returns the open deployments of the project before it, oldest first; undefined for a repeat.
 */
export async function addDeployment(
  database: Database,
  deployment: NewDeployment,
  draftsOf: (ahead: readonly string[]) => readonly EventDraft[],
  record: object | undefined,
): Promise<readonly string[] | undefined> {
  return database.transaction().execute(async (transaction) => {
    // One at a time: the numbers of a lane are in the order in which they can be seen.
    await sql`select pg_advisory_xact_lock(hashtext(${deployment.lane}))`.execute(transaction);
    const ahead = await transaction
      .selectFrom('deployment')
      .select('deployment_id')
      .where('lane', '=', deployment.lane)
      .where('verdict', 'is', null)
      // It lets others pass (`heads`).
      .where(sql<boolean>`waits_for is distinct from 'remediation'`)
      .orderBy('seq')
      .execute();
    const added = await transaction
      .insertInto('deployment')
      .values(columns(deployment) as Insertable<Tables['deployment']>)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (added.numInsertedOrUpdatedRows !== 1n) return undefined;
    const ids = ahead.map(({ deployment_id }) => deployment_id);
    await addEvents(transaction, deployment.deployment_id, draftsOf(ids));
    if (record !== undefined) await writeRecord(transaction, deployment.deployment_id, record);
    return ids;
  });
}

/**
 * The oldest open deployment of each lane: what may be worked on. A restart by remediation that waits for its pause lets the others of its
 * lane pass: a person must not wait for it.
 */
export async function heads(database: Database): Promise<readonly Deployment[]> {
  const { rows } = await sql<Deployment>`
    select distinct on (lane) * from deployment where verdict is null
    order by lane, touched desc, (waits_for is not distinct from 'remediation' and wake_at > now()), seq`.execute(database);
  return rows;
}

/** Deployments, newest first. */
export async function listDeployments(
  database: Database,
  { most, about }: { most: number; about?: string | undefined },
): Promise<readonly Deployment[]> {
  let query = database.selectFrom('deployment').selectAll().orderBy('seq', 'desc').limit(most);
  if (about !== undefined) query = query.where('about', '=', about);
  return (await query.execute()) as unknown as readonly Deployment[];
}

/** The change as columns: JSON where a column is JSON. */
export function columns(change: Change | NewDeployment): Record<string, unknown> {
  const values: Record<string, unknown> = { ...change };
  for (const name of JSON_COLUMNS) {
    if (values[name] !== undefined && values[name] !== null) values[name] = jsonb(values[name]);
  }
  for (const [name, value] of Object.entries(values)) if (typeof value === 'string') values[name] = showNulInText(value);
  return values;
}

/** Writes what is to be said into the outbox, in order. */
export async function addEvents(database: Database, deploymentId: string, drafts: readonly EventDraft[]): Promise<void> {
  if (drafts.length === 0) return;
  await database
    .insertInto('deployment_event')
    .values(
      drafts.map((draft) => ({
        n: sql<string>`default`,
        deployment_id: deploymentId,
        at: new Date(draft.at ?? 0),
        draft: jsonb(draft),
        published_at: null,
      })),
    )
    .execute();
}

/** The deployments whose ids begin so. */
export async function findDeployments(database: Database, prefix: string): Promise<readonly Deployment[]> {
  const found = await database
    .selectFrom('deployment')
    .selectAll()
    .where(sql`left(deployment_id, ${prefix.length})`, '=', prefix)
    .limit(2)
    .execute();
  return found as unknown as readonly Deployment[];
}

/** The Compose services whose databases a deployment of this project dumps now, or did so a moment ago: before anything is touched. */
export async function dumpedServices(database: Database, folder: string, since: Date): Promise<ReadonlySet<string>> {
  const found = await database
    .selectFrom('deployment')
    .select('plan')
    .where('folder', '=', folder)
    .where('step', 'in', ['backup', 'apply'])
    .where((is) => is.or([is('finished_at', 'is', null), is('finished_at', '>', since)]))
    .execute();
  return new Set(found.flatMap(({ plan }) => (plan?.dumps ?? []).map(({ service }) => service)));
}

/** The deployment that changes a project now, or did so last; undefined without any. */
export async function activeDeployment(
  database: Database,
  folder: string,
): Promise<Pick<Deployment, 'step' | 'touched' | 'finished_at'> | undefined> {
  return database
    .selectFrom('deployment')
    .select(['step', 'touched', 'finished_at'])
    .where('folder', '=', folder)
    .where('touched', '=', true)
    .orderBy(sql`finished_at is not null`)
    .orderBy('seq', 'desc')
    .executeTakeFirst();
}

/** Deployments of a project that have ended and still have files, newest first; not those whose way back has failed. */
export async function foldersOfEnded(
  database: Database,
  folder: string,
): Promise<readonly { readonly deployment_id: string; readonly verdict: Verdict; readonly files: string }[]> {
  const { rows } = await sql<{ deployment_id: string; verdict: Verdict; files: string }>`
    select deployment_id, verdict, facts->>'folder' as files from deployment
    where folder = ${folder} and verdict is not null and verdict <> 'failed' and facts->>'folder' is not null
    order by seq desc`.execute(database);
  return rows;
}

/** Notes that the files of an ended deployment are gone. Its record stays as it is. */
export async function forgetFolder(database: Database, deploymentId: string): Promise<void> {
  await sql`update deployment set facts = facts - 'folder' where deployment_id = ${deploymentId} and verdict is not null`.execute(
    database,
  );
}
