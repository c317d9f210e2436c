import { type Kysely, sql } from 'kysely';
import type { Evidence, Incident } from '../incident-types.js';

/** An incident as it is stored. */
export interface IncidentRow {
  incident_id: string;
  kind: string;
  about: string;
  fingerprint: string | null;
  severity: string;
  summary: string;
  root_cause: string | null;
  resolution: string | null;
  prevention: string | null;
  opened_at: Date;
  resolved_at: Date | null;
  generation: string;
  /** The event that ended it, as `source/id`. */
  resolved_by: string | null;
  evidence: Evidence[];
}

export type Database = Kysely<{ incident: IncidentRow }>;

/** What makes two incidents the same one: two alerts about one thing are two conditions. */
export type Identity = Pick<Incident, 'kind' | 'about' | 'fingerprint'>;

/** The open incident of a condition; one that was opened before incidents had fingerprints is anybody's who speaks of its thing. */
export async function findOpen(database: Database, { kind, about, fingerprint }: Identity): Promise<Incident | undefined> {
  const row = await database
    .selectFrom('incident')
    .selectAll()
    .where('kind', '=', kind)
    .where('about', '=', about)
    .where(({ eb, or }) =>
      or([eb('fingerprint', 'is', null), ...(fingerprint === null ? [] : [eb('fingerprint', '=', fingerprint)])]),
    )
    .where('resolved_at', 'is', null)
    .orderBy('fingerprint', (order) => order.asc().nullsLast())
    .executeTakeFirst();
  return row === undefined ? undefined : fromRow(row);
}

/** The last incident of a thing, open or not: for a repeat of the event that ended it. */
export async function findIncident(database: Database, incidentId: string): Promise<Incident | undefined> {
  const row = await database.selectFrom('incident').selectAll().where('incident_id', '=', incidentId).executeTakeFirst();
  return row === undefined ? undefined : fromRow(row);
}

/** The incident that an event has ended: a repeat of that event says it again. */
export async function findResolvedBy(database: Database, eventKey: string): Promise<Incident | undefined> {
  const row = await database.selectFrom('incident').selectAll().where('resolved_by', '=', eventKey).executeTakeFirst();
  return row === undefined ? undefined : fromRow(row);
}

/** The newest guard generation that an incident of this host knows; 0 without any. */
export async function lastGeneration(database: Database, host: string): Promise<number> {
  const row = await database
    .selectFrom('incident')
    .select(({ fn }) => fn.max('generation').as('last'))
    .where('kind', '=', 'guard')
    .where('about', '=', host)
    .executeTakeFirst();
  return Number(row?.last ?? 0);
}

/** Opens it, or gives the one that is open for the same thing. The same id twice is one incident. */
export async function openIncident(database: Database, incident: Incident): Promise<Incident> {
  await database
    .insertInto('incident')
    .values({ ...incident, generation: String(incident.generation), evidence: jsonb(incident.evidence) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return (await findIncident(database, incident.incident_id)) ?? (await findOpen(database, incident)) ?? incident;
}

/**
 * Stores a change of an open incident, its end included; evidence is added, each piece (time, kind and text) once.
 * Returns whether it was stored: false where the incident has ended, or knows a newer change, since it was read.
 */
export async function updateIncident(database: Database, incident: Incident): Promise<boolean> {
  const { incident_id, generation, evidence, kind: _kind, about: _about, opened_at: _openedAt, ...changed } = incident;
  const result = await database
    .updateTable('incident')
    .set({ ...changed, generation: String(generation), evidence: jsonb(evidence) })
    .where('incident_id', '=', incident_id)
    .where('resolved_at', 'is', null)
    .where('generation', '<=', String(generation))
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Incidents, newest first. */
export async function listIncidents(database: Database, most: number, open: boolean): Promise<Incident[]> {
  let query = database.selectFrom('incident').selectAll().orderBy('opened_at', 'desc').limit(most);
  if (open) query = query.where('resolved_at', 'is', null);
  return (await query.execute()).map(fromRow);
}

const jsonb = (value: readonly Evidence[]) => sql<Evidence[]>`${JSON.stringify(value)}::jsonb`;

function fromRow(row: IncidentRow): Incident {
  return {
    ...row,
    kind: row.kind as Incident['kind'],
    severity: row.severity as Incident['severity'],
    generation: Number(row.generation),
  };
}
