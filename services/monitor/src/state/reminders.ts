import { sql } from 'kysely';
import type { AlertDatabase, Episode } from './alerts.js';

/**
 * Serious alerts of a host that have been firing for `everyMs` since they were last said (epoch ms `now`), and that nobody has
 * acknowledged or silenced.
 */
export async function dueReminders(database: AlertDatabase, host: string, now: number, everyMs: number): Promise<Episode[]> {
  return database
    .selectFrom('alert_episode')
    .leftJoin('silence', (join) =>
      join.onRef('silence.fingerprint', '=', 'alert_episode.fingerprint').on('silence.until', '>', new Date(now)),
    )
    .selectAll('alert_episode')
    .where('host', '=', host)
    .where('cleared_at', 'is', null)
    .where('raise_said', '=', true)
    .where('acknowledged_at', 'is', null)
    .where('silence.until', 'is', null)
    .where(sql<string>`alert_episode.raised->>'severity'`, 'in', ['critical', 'emergency'])
    .where(sql<Date>`coalesce(reminded_at, raised_at)`, '<=', new Date(now - everyMs))
    .orderBy('raised_at')
    .limit(200)
    .execute();
}

/** Notes that a reminder was said; of several monitors one does. */
export async function markReminded(database: AlertDatabase, { episode_id, reminders }: Episode, now: number): Promise<void> {
  await database
    .updateTable('alert_episode')
    .set({ reminders: reminders + 1, reminded_at: new Date(now) })
    .where('episode_id', '=', episode_id)
    .where('reminders', '=', reminders)
    .execute();
}
