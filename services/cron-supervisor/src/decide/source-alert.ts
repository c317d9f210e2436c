import type { EventDraft } from '@ops/shared/events';

const LONGEST = 900;

/** What is to be said of a source: that its jobs are not all right (or are again), and that it is down (or is back). */
export function sourceAlert(
  source: string,
  issues: readonly string[],
  down: string | undefined,
  at: number,
): readonly EventDraft<'alert.reported'>[] {
  const service = `cron source ${source}`;
  const alert = (metric: string, status: string, threshold: string, found: string): EventDraft<'alert.reported'> => ({
    type: 'alert.reported',
    subject: service,
    data: {
      service,
      status,
      metric,
      threshold,
      current_value: found.slice(0, LONGEST),
      timestamp: new Date(at).toISOString(),
    },
  });
  const first = issues[0] ?? '';
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return [
    issues.length === 0
      ? alert('cron-registry', 'ok', 'jobs that can be read', 'all of them')
      : alert('cron-registry', 'warning', 'jobs that can be read', `${first}${more}`),
    down === undefined
      ? alert('cron-source', 'ok', 'it answers', 'it answers')
      : alert('cron-source', 'down', 'it answers', down),
  ];
}
