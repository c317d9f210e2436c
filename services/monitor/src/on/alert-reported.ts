import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { conditionOfReport } from '../decide/reported-alert.js';
import type { Monitor } from '../monitor.js';
import { beginEpisode, endEpisode } from '../state/alerts.js';

/** An alert from outside: its status begins an episode or ends it; the alerts' round says it. */
export async function onAlertReported(
  { alertDatabase, alerts, host }: Monitor,
  event: OpsEvent<'alert.reported'>,
): Promise<readonly EventDraft[]> {
  const condition = conditionOfReport(event.data);
  if (condition.state === 'firing') await beginEpisode(alertDatabase, host, 'reported', condition);
  else await endEpisode(alertDatabase, condition);
  alerts.nudge();
  return [];
}
