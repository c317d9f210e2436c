import type { EventDraft, OpsEvent } from '@ops/shared/events';
import { judgeReport } from '../decide/report.js';
import type { Monitor } from '../monitor.js';

/** resource_guard.py says a level: what is fresh and about this host counts with what we see ourselves. */
export function onGuardReported(
  { guard, host, config, clock, log }: Monitor,
  event: OpsEvent<'guard.reported'>,
): readonly EventDraft[] {
  if (event.host !== undefined && event.host !== host) {
    log.info({ host: event.host }, 'a report about another host');
    return [];
  }
  const arrivedAt = Math.min(Date.parse(event.time), clock.now());
  const judged = judgeReport(event.data, event.actor ?? 'resource_guard.py', arrivedAt, config.guard.reports.ttl);
  if (judged.counts) guard.report(judged.report);
  else log.info({ level: event.data.level, why: judged.why }, 'a report that does not count');
  return [];
}
