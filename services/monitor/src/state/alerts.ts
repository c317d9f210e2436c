import type { EventData } from '@ops/shared/events';
import { type Generated, type Kysely, type Selectable, sql } from 'kysely';
import type { Condition } from '../decide/conditions.js';
import { fingerprintOf } from '../fingerprint.js';

/** Who speaks of a condition: our own watching, or a report from outside. */
export type AlertOrigin = 'watched' | 'reported';

export interface EpisodeTable {
  episode_id: string;
  fingerprint: string;
  origin: string;
  host: string;
  raised: Condition;
  raised_at: Date;
  raise_said: boolean;
  cleared: Condition | null;
  cleared_at: Date | null;
  clear_said: boolean;
  acknowledged_at: Date | null;
  acknowledged_by: string | null;
  acknowledged_reason: string | null;
  /** How often it was said again that it is still firing; made by the database. */
  reminders: Generated<number>;
  reminded_at: Date | null;
}

/** An alert from its beginning to its end, as it is stored. */
export type Episode = Selectable<EpisodeTable>;

export interface SilenceTable {
  fingerprint: string;
  until: Date;
  reason: string;
  by: string;
}

export type AlertTables = { alert_episode: EpisodeTable; silence: SilenceTable };
export type AlertDatabase = Kysely<AlertTables>;

/** What fires on a host as our own watching sees it: fingerprint → the condition as it was raised. */
export async function firingWatched(database: AlertDatabase, host: string): Promise<Map<string, Condition>> {
  const rows = await database
    .selectFrom('alert_episode')
    .select(['fingerprint', 'raised'])
    .where('cleared_at', 'is', null)
    .where('host', '=', host)
    .where('origin', '=', 'watched')
    .execute();
  return new Map(rows.map(({ fingerprint, raised }) => [fingerprint, raised]));
}

/** When the episodes of the host that ended after a time (epoch ms) did so: fingerprint → epoch ms. */
export async function endedWatched(database: AlertDatabase, host: string, after: number): Promise<Map<string, number>> {
  const rows = await database
    .selectFrom('alert_episode')
    .select(['fingerprint', 'cleared_at'])
    .where('cleared_at', '>', new Date(after))
    .where('host', '=', host)
    .where('origin', '=', 'watched')
    .orderBy('cleared_at')
    .execute();
  return new Map(rows.map(({ fingerprint, cleared_at }) => [fingerprint, cleared_at?.getTime() ?? 0]));
}

/**
 * Begins an episode; nothing happens where the condition fires already, or where the same occasion (its time, or the event
 * that reported it) has begun one before. Returns whether it was begun.
 */
export async function beginEpisode(
  database: AlertDatabase,
  host: string,
  origin: AlertOrigin,
  condition: Condition,
  occasion = String(condition.at),
): Promise<boolean> {
  const fingerprint = fingerprintOf(condition);
  const result = await database
    .insertInto('alert_episode')
    .values({
      episode_id: `${fingerprint}-${occasion}`,
      fingerprint,
      origin,
      host,
      raised: json(condition),
      raised_at: new Date(condition.at),
      raise_said: false,
      cleared: null,
      cleared_at: null,
      clear_said: false,
      acknowledged_at: null,
      acknowledged_by: null,
      acknowledged_reason: null,
      reminded_at: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) === 1n;
}

/** Ends the firing episode of a condition, if there is one; returns whether there was. */
export async function endEpisode(database: AlertDatabase, condition: Condition): Promise<boolean> {
  const result = await database
    .updateTable('alert_episode')
    .set({ cleared: json(condition), cleared_at: sql<Date>`greatest(raised_at, ${new Date(condition.at)})` })
    .where('fingerprint', '=', fingerprintOf(condition))
    .where('cleared_at', 'is', null)
    // One that is older than the episode says nothing about it.
    .where('raised_at', '<=', new Date(condition.at))
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Episodes whose beginning or end has not been published yet, oldest first. */
export async function unsaidEpisodes(
  database: AlertDatabase,
  host: string,
): Promise<(Episode & { silenced_until: Date | null })[]> {
  return database
    .selectFrom('alert_episode')
    .leftJoin('silence', 'silence.fingerprint', 'alert_episode.fingerprint')
    .selectAll('alert_episode')
    .select('silence.until as silenced_until')
    .where('host', '=', host)
    .where((where) =>
      where.or([
        where('raise_said', '=', false),
        where.and([where('cleared_at', 'is not', null), where('clear_said', '=', false)]),
      ]),
    )
    .orderBy('raised_at')
    .limit(200)
    .execute();
}

/** Notes that beginning or end was published. */
export async function markSaid(database: AlertDatabase, episodeId: string, what: 'raise_said' | 'clear_said'): Promise<void> {
  await database
    .updateTable('alert_episode')
    .set(what === 'raise_said' ? { raise_said: true } : { clear_said: true })
    .where('episode_id', '=', episodeId)
    .execute();
}

/** An alert as it is shown. */
export type AlertView = Episode & {
  readonly silence_until: Date | null;
  readonly silence_reason: string | null;
  readonly silence_by: string | null;
};

/** Alerts, firing ones first, then newest first; only firing ones unless `all`. */
export async function listAlerts(database: AlertDatabase, all: boolean): Promise<AlertView[]> {
  let query = views(database)
    .orderBy(sql`alert_episode.cleared_at is null`, 'desc')
    .orderBy('alert_episode.raised_at', 'desc')
    .limit(200);
  if (!all) query = query.where('cleared_at', 'is', null);
  return query.execute();
}

/** The firing alerts of a fingerprint, or of a fingerprint's first digits (at least 4), or of a service's name. */
export async function findFiring(database: AlertDatabase, what: string): Promise<AlertView[]> {
  const escaped = what.replace(/[\\%_]/g, '\\$&');
  return views(database)
    .where('cleared_at', 'is', null)
    .where((where) =>
      where.or([
        ...(/^[0-9a-f]{4,16}$/.test(what) ? [where('alert_episode.fingerprint', 'like', `${escaped}%`)] : []),
        where(sql<string>`alert_episode.raised->>'service'`, '=', what),
      ]),
    )
    .execute();
}

/** Acknowledges the firing episode of a fingerprint. */
export async function acknowledge(
  database: AlertDatabase,
  fingerprint: string,
  by: string,
  reason: string,
  at: Date,
): Promise<void> {
  await database
    .updateTable('alert_episode')
    .set({ acknowledged_at: at, acknowledged_by: by, acknowledged_reason: reason })
    .where('fingerprint', '=', fingerprint)
    .where('cleared_at', 'is', null)
    .execute();
}

/** Silences a fingerprint until a time; a later silence replaces an earlier one. */
export async function silence(database: AlertDatabase, { fingerprint, until, reason, by }: SilenceTable): Promise<void> {
  await database
    .insertInto('silence')
    .values({ fingerprint, until, reason, by })
    .onConflict((conflict) => conflict.column('fingerprint').doUpdateSet({ until, reason, by }))
    .execute();
}

/** Ends a silence; returns it. */
export async function unsilence(database: AlertDatabase, fingerprint: string): Promise<SilenceTable | undefined> {
  return database.deleteFrom('silence').where('fingerprint', '=', fingerprint).returningAll().executeTakeFirst();
}

/** The silence of a fingerprint, over or not. */
export async function findSilence(database: AlertDatabase, fingerprint: string): Promise<SilenceTable | undefined> {
  return database.selectFrom('silence').selectAll().where('fingerprint', '=', fingerprint).executeTakeFirst();
}

/** How many alerts fire. */
export async function countFiring(database: AlertDatabase): Promise<number> {
  const { count } = await database
    .selectFrom('alert_episode')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('cleared_at', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(count);
}

function views(database: AlertDatabase) {
  return database
    .selectFrom('alert_episode')
    .leftJoin('silence', (join) =>
      join.onRef('silence.fingerprint', '=', 'alert_episode.fingerprint').on('silence.until', '>', sql<Date>`now()`),
    )
    .selectAll('alert_episode')
    .select(['silence.until as silence_until', 'silence.reason as silence_reason', 'silence.by as silence_by']);
}

const json = (condition: Condition) => sql<Condition>`${JSON.stringify(condition)}::jsonb`;

/** The alert's fields as events carry them. */
export function alertData(condition: Condition): Omit<EventData<'alert.raised'>, 'silenced' | 'depends_on' | 'affects'> {
  const { service, status, metric, threshold, current_value, at, severity, summary } = condition;
  return {
    service,
    status,
    metric,
    threshold,
    current_value,
    timestamp: new Date(at).toISOString(),
    severity,
    summary,
    fingerprint: fingerprintOf(condition),
  };
}
