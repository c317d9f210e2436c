import type { EventDraft } from '@ops/shared/events';
import { alertData, type Episode } from '../state/alerts.js';

/** alert.raised of an episode. */
export function raisedEvent({ episode_id, raised }: Episode, silenced: boolean): EventDraft {
  return {
    type: 'alert.raised',
    subject: raised.service,
    purpose: `${episode_id}/raised`,
    data: { ...alertData(raised), depends_on: [...raised.depends_on], affects: [...raised.affects], silenced },
  };
}

/** alert.cleared of an episode; undefined while it fires. */
export function clearedEvent({ episode_id, cleared, cleared_at, raised_at }: Episode): EventDraft | undefined {
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

/** alert.unsilenced, because the condition is over. */
export function recoveredEvent({ episode_id, fingerprint, raised: { service, metric } }: Episode, by: string): EventDraft {
  return {
    type: 'alert.unsilenced',
    subject: service,
    purpose: `${episode_id}/unsilenced`,
    data: { fingerprint, service, metric, by, reason: 'recovered', firing: false },
  };
}

/** alert.reminded: an episode that still fires, at epoch ms `now`. */
export function remindedEvent({ episode_id, raised, raised_at, reminders }: Episode, now: number): EventDraft {
  return {
    type: 'alert.reminded',
    subject: raised.service,
    purpose: `${episode_id}/reminded/${reminders + 1}`,
    data: {
      ...alertData(raised),
      raised_at: raised_at.toISOString(),
      duration: Math.max(0, (now - raised_at.getTime()) / 1000),
      reminder: reminders + 1,
    },
  };
}
