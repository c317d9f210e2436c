import { createHash } from 'node:crypto';
import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { conditionOfReport } from '../decide/reported-alert.js';
import type { Monitor } from '../monitor.js';
import { beginEpisode, endEpisode } from '../state/alerts.js';

// Two reports of one second are two occasions; the same event twice is one.
const eventHash = ({ source, id }: OpsEvent): string => createHash('sha256').update(`${source}/${id}`).digest('hex').slice(0, 16);

/** An alert from outside: its status begins an episode or ends it; the alerts' round says it. */
export async function onAlertReported(
  { alertDatabase, alerts, host }: Monitor,
  event: OpsEvent<'alert.reported'>,
): Promise<readonly EventDraft[]> {
  const condition = conditionOfReport(event.data);
  if (condition.state === 'firing') await beginEpisode(alertDatabase, host, 'reported', condition, eventHash(event));
  else await endEpisode(alertDatabase, condition);
  alerts.reread();
  return [];
}
