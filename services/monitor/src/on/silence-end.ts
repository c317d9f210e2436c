import type { EventDraft } from '@ops/shared/events';
import type { Monitor } from '../monitor.js';
import { alertData, findFiring, findSilence } from '../state/alerts.js';

/** A silence's time is over: that is said, and what still fires is raised again, to be heard this time. */
export async function onSilenceEnd(
  { alertDatabase }: Monitor,
  { fingerprint, until }: { fingerprint: string; until: string },
): Promise<readonly EventDraft[]> {
  const [firing] = await findFiring(alertDatabase, fingerprint);
  const silence = await findSilence(alertDatabase, fingerprint);
  // Ended or prolonged meanwhile. The row stays: a repeat must come to the same answer, and its time is over anyway.
  if (firing === undefined || silence?.until.getTime() !== Date.parse(until)) return [];
  const { raised } = firing;
  return [
    {
      type: 'alert.unsilenced',
      subject: raised.service,
      purpose: `${firing.episode_id}/unsilenced/${until}`,
      data: {
        fingerprint,
        service: raised.service,
        metric: raised.metric,
        by: silence.by,
        reason: 'its time is over',
        firing: true,
      },
    },
    {
      type: 'alert.raised',
      subject: raised.service,
      purpose: `${firing.episode_id}/raised-again/${until}`,
      data: { ...alertData(raised), depends_on: [...raised.depends_on], affects: [...raised.affects], silenced: false },
    },
  ];
}
