import type { EventDraft } from '@ops/shared/events';
import type { Clock } from '@ops/shared/runtime';
import type { Publisher } from '@ops/shared/streams';
import { decideAlerts } from '../decide/alert-plan.js';
import type { Condition } from '../decide/conditions.js';
import {
  type AlertDatabase,
  alertData,
  beginEpisode,
  endEpisode,
  firingFingerprints,
  markSaid,
  unsaidEpisodes,
  unsilence,
} from '../state/alerts.js';

export interface AlertsOptions {
  readonly host: string;
  readonly database: AlertDatabase;
  readonly publisher: Publisher;
  readonly clock: Clock;
  /** What is wrong now, as far as it is known. */
  readonly conditions: () => readonly Condition[];
}

const REREAD_MS = 15_000;

/**
 * Brings the stored alerts in line with the conditions and says what has changed. An episode is stored before it is said
 * and marked after: a crash in between says it again with the same id, and never forgets it.
 */
export class AlertsRound {
  readonly #options: AlertsOptions;
  #seen = '';
  #readAt = Number.NEGATIVE_INFINITY;
  #dirty = true;

  constructor(options: AlertsOptions) {
    this.#options = options;
  }

  /** Something changed outside of the conditions (a report): look again at the next round. */
  nudge(): void {
    this.#dirty = true;
  }

  /** Rejects when PostgreSQL or Redis is away; the next round goes on from what is stored. */
  async round(): Promise<void> {
    const { conditions, host, database, clock } = this.#options;
    const present = conditions();
    const seen = present.map(({ service, metric, name, state }) => `${service}/${metric}/${name}/${state}`).join('|');
    const stale = clock.monotonic() - this.#readAt > REREAD_MS;
    if (seen === this.#seen && !this.#dirty && !stale) return;
    const plan = decideAlerts(present, await firingFingerprints(database, host));
    for (const condition of plan.clear) await endEpisode(database, condition);
    for (const condition of plan.raise) await beginEpisode(database, host, 'watched', condition);
    this.#dirty = false;
    await this.#say();
    this.#seen = seen;
    this.#readAt = clock.monotonic();
  }

  async #say(): Promise<void> {
    const { database, host, publisher, clock } = this.#options;
    for (const episode of await unsaidEpisodes(database, host)) {
      const silenced = episode.silenced_until !== null && episode.silenced_until.getTime() > clock.now();
      if (!episode.raise_said) {
        const { raised } = episode;
        await publisher.publish([
          {
            type: 'alert.raised',
            subject: raised.service,
            purpose: `${episode.episode_id}/raised`,
            data: { ...alertData(raised), depends_on: [...raised.depends_on], affects: [...raised.affects], silenced },
          },
        ]);
        await markSaid(database, episode.episode_id, 'raise_said');
      }
      if (episode.cleared !== null && episode.cleared_at !== null && !episode.clear_said) {
        const said: EventDraft[] = [
          {
            type: 'alert.cleared',
            subject: episode.cleared.service,
            purpose: `${episode.episode_id}/cleared`,
            data: {
              ...alertData(episode.cleared),
              raised_at: episode.raised_at.toISOString(),
              duration: Math.max(0, (episode.cleared_at.getTime() - episode.raised_at.getTime()) / 1000),
            },
          },
        ];
        // A silence is for this episode: the next one must be heard.
        const ended = await unsilence(database, episode.fingerprint);
        if (ended !== undefined) {
          const { service, metric } = episode.cleared;
          said.push({
            type: 'alert.unsilenced',
            subject: service,
            purpose: `${episode.episode_id}/unsilenced`,
            data: { fingerprint: episode.fingerprint, service, metric, by: ended.by, reason: 'recovered', firing: false },
          });
        }
        await publisher.publish(said);
        await markSaid(database, episode.episode_id, 'clear_said');
      }
    }
  }
}
