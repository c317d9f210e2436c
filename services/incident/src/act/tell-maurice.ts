import type { EventDraft } from '@ops/shared/events';
import type { ServiceContext } from '@ops/shared/runtime';

/** Says the notices for Maurice on the console and in the log; error, because a person must act at emergency. */
export function tellMaurice({ log, announce }: Pick<ServiceContext, 'log' | 'announce'>, drafts: readonly EventDraft[]): void {
  for (const draft of drafts) {
    if (draft.type !== 'notice.published') continue;
    const { audience, severity, text, incident_id } = draft.data;
    const record = { notice: draft.data.notice_id, audience, severity, text, incident: incident_id };
    if (audience !== 'maurice') {
      log.info(record, 'notice');
      continue;
    }
    if (severity === 'emergency') log.error(record, 'notice');
    else log.info(record, 'notice');
    announce(`${severity.toUpperCase()}: ${text}${incident_id === null ? '' : ` (${incident_id})`}`);
  }
}
