import type { EventData } from '@ops/shared/events';
import type { Condition, Severity } from './conditions.js';

const LONGEST = 1900;
const OVER = /^(?:ok|green|normal|up|healthy|resolved|cleared|recovered|info|success|pass(?:ed)?)$/i;
const SEVERITIES: readonly [RegExp, Severity][] = [
  [/emergency|fatal/i, 'emergency'],
  [/critical|down|unhealthy|dead|fail|error/i, 'critical'],
  [/warn|degraded|slow|high/i, 'warning'],
];

/** An alert in the seed's format as a condition: its status says whether it begins or is over, and how bad it is. */
export function conditionOfReport(report: EventData<'alert.reported'>): Condition {
  const { service, metric, status, threshold, current_value, timestamp } = report;
  const over = OVER.test(status.trim());
  return {
    name: 'reported',
    service,
    metric,
    state: over ? 'ok' : 'firing',
    // A status that nobody knows is a warning: it is shown, and wakes nobody.
    severity: SEVERITIES.find(([words]) => words.test(status))?.[1] ?? 'warning',
    status,
    threshold,
    current_value,
    summary:
      `${service}: ${metric} is ${String(current_value)} (${status}; threshold ${String(threshold)}), as reported from outside`.slice(
        0,
        LONGEST,
      ),
    at: Date.parse(timestamp),
    since: Date.parse(timestamp),
    depends_on: [],
    affects: [],
  };
}
