import type { EventDraft } from '@ops/shared/events';
import type { IncidentService } from '../incident.js';

const MOST_REMEMBERED = 1000;

/**
 * Says the notices for Maurice on the console and in the log; error, because a person must act at emergency. Each notice
 * once in the life of this process: a handler that is repeated while a server is away must not repeat it to him.
 */
export function tellMaurice(
  { log, announce, spoken }: Pick<IncidentService, 'log' | 'announce' | 'spoken'>,
  drafts: readonly EventDraft[],
): void {
  for (const draft of drafts) {
    if (draft.type !== 'notice.published') continue;
    const { notice_id, audience, severity, text, incident_id } = draft.data;
    const record = { notice: notice_id, audience, severity, text, incident: incident_id };
    if (audience !== 'maurice') {
      log.info(record, 'notice');
      continue;
    }
    if (spoken.has(notice_id)) continue;
    remember(spoken, notice_id);
    if (severity === 'emergency') log.error(record, 'notice');
    else log.info(record, 'notice');
    announce(`${severity.toUpperCase()}: ${text}${incident_id === null ? '' : ` (${incident_id})`}`);
  }
}

function remember(spoken: Set<string>, noticeId: string): void {
  spoken.add(noticeId);
  // A set keeps its order: the first is the oldest.
  for (const oldest of spoken) {
    if (spoken.size <= MOST_REMEMBERED) return;
    spoken.delete(oldest);
  }
}
