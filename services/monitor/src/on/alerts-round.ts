import type { EventDraft } from '@ops/shared/events';
import type { Clock, Logger } from '@ops/shared/runtime';
import { PermanentError, type Publisher } from '@ops/shared/streams';
import { decideAlerts } from '../decide/alert-plan.js';
import type { Condition } from '../decide/conditions.js';
import {
  type AlertDatabase,
  alertData,
  beginEpisode,
  type EpisodeTable,
  endEpisode,
  firingWatched,
  markSaid,
  unsaidEpisodes,
  unsilence,
} from '../state/alerts.js';

export interface AlertsOptions {
  readonly host: string;
  readonly database: AlertDatabase;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly log: Logger;
  /** What is wrong now, as far as it is known. */
  readonly conditions: () => readonly Condition[];
  /** Metrics of which nothing has been seen yet: their alerts stay as they are. */
  readonly blindTo: () => readonly string[];
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
    const { conditions, blindTo, host, database, clock } = this.#options;
    const present = conditions();
    const seen = present.map(({ service, metric, name, state }) => `${service}/${metric}/${name}/${state}`).join('|');
    const stale = clock.monotonic() - this.#readAt > REREAD_MS;
    if (seen === this.#seen && !this.#dirty && !stale) return;
    const plan = decideAlerts(present, await firingWatched(database, host), clock.now(), blindTo());
    for (const condition of plan.clear) await endEpisode(database, condition);
    for (const condition of plan.raise) await beginEpisode(database, host, 'watched', condition);
    await this.#say();
    this.#dirty = false;
    this.#seen = seen;
    this.#readAt = clock.monotonic();
  }

  async #say(): Promise<void> {
    const { database, host, clock, log } = this.#options;
    for (const episode of await unsaidEpisodes(database, host)) {
      const silenced = episode.silenced_until !== null && episode.silenced_until.getTime() > clock.now();
      if (!episode.raise_said) {
        await this.#publish(raisedEvent(episode, silenced));
        await markSaid(database, episode.episode_id, 'raise_said');
      }
      const cleared = clearedEvent(episode);
      if (cleared === undefined || episode.clear_said) continue;
      await this.#publish(cleared);
      // A silence is for this episode: the next one must be heard.
      const silence = await unsilence(database, episode.fingerprint);
      if (silence !== undefined) await this.#publish(recoveredEvent(episode, silence.by));
      await markSaid(database, episode.episode_id, 'clear_said');
      log.debug({ episode: episode.episode_id }, 'alert cleared');
    }
  }

  // One that can never be said must not keep the others from being said.
  async #publish(draft: EventDraft): Promise<void> {
    try {
      await this.#options.publisher.publish([draft]);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      this.#options.log.error(
        { type: draft.type, subject: draft.subject, error },
        'an alert that its schema refuses is not said',
      );
    }
  }
}

function raisedEvent({ episode_id, raised }: EpisodeTable, silenced: boolean): EventDraft {
  return {
    type: 'alert.raised',
    subject: raised.service,
    purpose: `${episode_id}/raised`,
    data: { ...alertData(raised), depends_on: [...raised.depends_on], affects: [...raised.affects], silenced },
  };
}

function clearedEvent({ episode_id, cleared, cleared_at, raised_at }: EpisodeTable): EventDraft | undefined {
  if (cleared === null || cleared_at === null) return undefined;
  return {
    type: 'alert.cleared',
    subject: cleared.service,
    purpose: `${episode_id}/cleared`,
    data: {
      ...alertData(cleared),
      raised_at: raised_at.toISOString(),
      duration: Math.max(0, (cleared_at.getTime() - raised_at.getTime()) / 1000),
    },
  };
}

function recoveredEvent({ episode_id, fingerprint, raised: { service, metric } }: EpisodeTable, by: string): EventDraft {
  return {
    type: 'alert.unsilenced',
    subject: service,
    purpose: `${episode_id}/unsilenced`,
    data: { fingerprint, service, metric, by, reason: 'recovered', firing: false },
  };
}
