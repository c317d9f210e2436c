import type { EventDraft } from '@ops/shared/events';
import { type Clock, evenPause, type Logger, Nudge } from '@ops/shared/runtime';
import { PermanentError, type Publisher } from '@ops/shared/streams';
import { decideAlerts, REPLICA_MS } from '../decide/alert-plan.js';
import { isRoundTrip, noStory, tellOn, untold } from '../decide/alert-story.js';
import type { Condition } from '../decide/conditions.js';
import {
  type AlertDatabase,
  beginEpisode,
  endEpisode,
  endedWatched,
  firingWatched,
  markSaid,
  unsaidEpisodes,
  unsilence,
} from '../state/alerts.js';
import { dueReminders, markReminded } from '../state/reminders.js';
import { clearedEvent, raisedEvent, recoveredEvent, remindedEvent } from './alert-events.js';

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
  /** Ms after which an alert that still fires is said again; 0 for never. */
  readonly remindEvery: number;
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
  readonly #nudge = new Nudge();
  #story = noStory;
  /** No round has succeeded since the last one that failed, or since the start: what the story tells may not be stored. */
  #missed = true;

  constructor(options: AlertsOptions) {
    this.#options = options;
  }

  /** Something changed outside of the conditions (a report): look again, now. */
  reread(): void {
    this.#dirty = true;
    this.#nudge.nudge();
  }

  /** A condition has changed: it is noted, whatever becomes of the database, and looked at now. */
  changed(): void {
    this.#story = tellOn(this.#story, this.#options.conditions());
    this.#nudge.nudge();
  }

  /** A round, and the wait until there may be something to look at, `ms` at most; returns no further pause. */
  async turn(ms: number, signal: AbortSignal): Promise<number> {
    await this.round();
    await this.#nudge.wait(evenPause(ms, this.#options.clock.monotonic()), signal);
    return 0;
  }

  /** Rejects when PostgreSQL or Redis is away; the next round goes on from what is stored. */
  async round(): Promise<void> {
    try {
      await this.#store();
    } catch (error) {
      this.#missed = true;
      throw error;
    }
  }

  async #store(): Promise<void> {
    const { conditions, blindTo, host, database, clock, remindEvery } = this.#options;
    const present = conditions();
    this.#story = tellOn(this.#story, present);
    const seen = present.map(({ service, metric, name, state }) => `${service}/${metric}/${name}/${state}`).join('|');
    const stale = clock.monotonic() - this.#readAt > Math.min(REREAD_MS, remindEvery || REREAD_MS);
    if (seen === this.#seen && !this.#dirty && !this.#missed && !stale) return;
    const { changes } = this.#story;
    // From here on somebody may write what this round reads no more: that is for the next one.
    this.#dirty = false;
    if (this.#missed || isRoundTrip(changes)) await this.#catchUp(changes);
    const now = clock.now();
    const firing = await firingWatched(database, host);
    const plan = decideAlerts(present, firing, now, await endedWatched(database, host, now - REPLICA_MS), blindTo());
    for (const condition of plan.clear) await endEpisode(database, condition);
    for (const condition of plan.raise) await beginEpisode(database, host, 'watched', condition);
    await this.#say();
    await this.#remind();
    this.#missed = false;
    // Others may have come meanwhile.
    this.#story = { ...this.#story, changes: this.#story.changes.slice(changes.length) };
    // What was left to another replica is looked at again.
    this.#seen = plan.waits ? '' : seen;
    this.#readAt = clock.monotonic();
  }

  // What began and ended while nothing could be stored, at its own times; what is stored already changes nothing.
  async #catchUp(changes: readonly Condition[]): Promise<void> {
    const { database, host } = this.#options;
    const [first] = changes;
    if (first === undefined) return;
    for (const condition of untold(changes, await endedWatched(database, host, first.at - 1))) {
      if (condition.state === 'firing') await beginEpisode(database, host, 'watched', condition);
      else await endEpisode(database, condition);
    }
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

  async #remind(): Promise<void> {
    const { database, host, clock, remindEvery } = this.#options;
    if (remindEvery === 0) return;
    for (const episode of await dueReminders(database, host, clock.now(), remindEvery)) {
      await this.#publish(remindedEvent(episode, clock.now()));
      await markReminded(database, episode, clock.now());
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
