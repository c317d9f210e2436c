import { type Kysely, sql } from 'kysely';
import type { CheckState } from '../decide/check-types.js';

/** A time in which a service was seen to be in one state. Time without a span is unknown. */
export interface UptimeSpanTable {
  host: string;
  service: string;
  status: string;
  began: Date;
  seen_until: Date;
}

export type UptimeTables = { uptime_span: UptimeSpanTable };
export type UptimeDatabase = Kysely<UptimeTables>;

const LONGEST_PAUSE_MS = 60_000;
const KNOWN: ReadonlySet<string> = new Set(['up', 'degraded', 'down']);

/**
 * Stores what is seen at `now` (epoch ms): spans that go on are prolonged, others begun, by one statement. Call it every few
 * seconds; after a pause of more than a minute the time in between stays unknown. Rejects when PostgreSQL does not answer.
 */
export async function recordUptime(
  database: UptimeDatabase,
  host: string,
  states: readonly CheckState[],
  now: number,
): Promise<void> {
  const known = states.filter(({ status, since }) => since !== null && KNOWN.has(status));
  if (known.length === 0) return;
  const last = await lastSpans(database, host);
  const spans = known.map((state) => spanOf(host, state, last.get(state.service), now));
  await database
    .insertInto('uptime_span')
    .values(spans)
    .onConflict((conflict) =>
      conflict
        .columns(['host', 'service', 'began'])
        .doUpdateSet({ seen_until: sql<Date>`greatest(uptime_span.seen_until, excluded.seen_until)` }),
    )
    .execute();
}

/**
 * Service → the share of the known time from `sinceMs` to `now` (epoch ms) in which it was up or degraded, 0 to 1. Services of which nothing
 * is known are not in it. One statement for all of them: they are asked for every half a minute, and each would take a connection of its own.
 */
export async function uptimeShares(
  database: UptimeDatabase,
  host: string,
  sinceMs: number,
  now: number,
): Promise<ReadonlyMap<string, number>> {
  const [from, to] = [new Date(sinceMs), new Date(now)];
  const length = sql<number>`extract(epoch from least(seen_until, ${to}) - greatest(began, ${from}))`;
  const rows = await database
    .selectFrom('uptime_span')
    .select([
      'service',
      sql<number | null>`(sum(${length}) filter (where status <> 'down'))::float8`.as('up'),
      sql<number | null>`(sum(${length}))::float8`.as('known'),
    ])
    .where('host', '=', host)
    .where('seen_until', '>', from)
    .where('began', '<', to)
    .groupBy('service')
    .execute();
  return new Map(
    rows.flatMap(({ service, up, known }) => (known === null || known <= 0 ? [] : [[service, Math.min(1, (up ?? 0) / known)]])),
  );
}

/** Forgets what ended before `before` (epoch ms). */
export async function pruneUptime(database: UptimeDatabase, before: number): Promise<void> {
  await database.deleteFrom('uptime_span').where('seen_until', '<', new Date(before)).execute();
}

async function lastSpans(database: UptimeDatabase, host: string): Promise<ReadonlyMap<string, UptimeSpanTable>> {
  const rows = await database
    .selectFrom('uptime_span')
    .distinctOn('service')
    .selectAll()
    .where('host', '=', host)
    .orderBy('service')
    .orderBy('began', 'desc')
    .execute();
  return new Map(rows.map((row) => [row.service, row]));
}

function spanOf(
  host: string,
  { service, status, since }: CheckState,
  last: UptimeSpanTable | undefined,
  now: number,
): UptimeSpanTable {
  const seenUntil = last?.seen_until.getTime() ?? Number.NEGATIVE_INFINITY;
  const began = Math.min(since ?? now, now);
  const unbroken = began <= seenUntil;
  if (last !== undefined && unbroken && last.status === status && now - seenUntil <= LONGEST_PAUSE_MS) {
    return { ...last, seen_until: new Date(Math.max(now, seenUntil)) };
  }
  // A state older than what was stored last has been held over a pause in which nobody looked: it counts from now.
  return { host, service, status, began: new Date(unbroken ? now : began), seen_until: new Date(now) };
}
