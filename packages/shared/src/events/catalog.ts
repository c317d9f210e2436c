import type { z } from 'zod';
import { cronEvents } from './catalog-cron.js';
import { deployEvents } from './catalog-deploy.js';
import type { CatalogEntry } from './catalog-entry.js';
import { STREAMS } from './keys.js';
import {
  alertAcknowledged,
  alertCleared,
  alertRaised,
  alertReminded,
  alertReported,
  alertSilenced,
  alertUnsilenced,
} from './schemas/alert.js';
import { directiveAcknowledged, directiveExpired, directiveIssued } from './schemas/directive.js';
import { guardLevelChanged, guardReported, guardRunawayHandled, guardSampled } from './schemas/guard.js';
import { incidentOpened, incidentResolved, incidentUpdated, noticePublished } from './schemas/incident.js';
import { securityDetected } from './schemas/security.js';
import { statusPublished } from './schemas/status.js';

/** Every event: type → stream, version, schema, meaning. The event map, the AsyncAPI document and the JSON Schemas come from here. */
export const catalog = {
  'guard.reported': {
    stream: STREAMS.guard,
    version: 1,
    schema: guardReported,
    from: 'outside (resource_guard.py)',
    meaning: 'resource_guard.py says which level it sees.',
  },
  'guard.sampled': {
    stream: STREAMS.guard,
    version: 1,
    schema: guardSampled,
    from: 'monitor',
    outward: 'operators, dashboards',
    meaning: 'A summary of the host samples, every few seconds and at each change of level.',
  },
  'guard.level-changed': {
    stream: STREAMS.guard,
    version: 1,
    schema: guardLevelChanged,
    from: 'monitor',
    confirmed: true,
    meaning: 'The effective guard level of a host is another one, with the response that it asks for.',
  },
  'guard.runaway-handled': {
    stream: STREAMS.guard,
    version: 1,
    schema: guardRunawayHandled,
    from: 'monitor',
    meaning: 'A runaway process was ended, or would have been (dry-run), with the evidence.',
  },
  'alert.reported': {
    stream: STREAMS.alerts,
    version: 1,
    schema: alertReported,
    from: 'outside (resource_guard.py, health checks, scripts), cron-supervisor',
    meaning: 'Somebody outside reports a condition in the seed format.',
  },
  'alert.raised': {
    stream: STREAMS.alerts,
    version: 1,
    schema: alertRaised,
    from: 'monitor',
    meaning: 'A condition began; said once until it is cleared.',
  },
  'alert.reminded': {
    stream: STREAMS.alerts,
    version: 1,
    schema: alertReminded,
    from: 'monitor',
    meaning: 'A raised alert that nobody has acknowledged or silenced is still firing.',
  },
  'alert.cleared': {
    stream: STREAMS.alerts,
    version: 1,
    schema: alertCleared,
    from: 'monitor',
    meaning: 'The condition of a raised alert is over.',
  },
  'alert.acknowledged': {
    stream: STREAMS.alerts,
    version: 1,
    schema: alertAcknowledged,
    from: 'monitor (an operator)',
    meaning: 'A person has seen the alert and says why it may stand.',
  },
  'alert.silenced': {
    stream: STREAMS.alerts,
    version: 1,
    schema: alertSilenced,
    from: 'monitor (an operator)',
    outward: 'operators, audit',
    meaning: 'Notices of an alert are held until a time; its check goes on.',
  },
  'alert.unsilenced': {
    stream: STREAMS.alerts,
    version: 1,
    schema: alertUnsilenced,
    from: 'monitor',
    outward: 'operators, audit',
    meaning: 'A silence ended, by its time or by the recovery.',
  },
  ...deployEvents,
  ...cronEvents,
  'security.detected': {
    stream: STREAMS.security,
    version: 1,
    schema: securityDetected,
    from: 'deployer',
    outward: 'operators, chief-of-staff',
    meaning: 'Something was done that should not have been: by whom, as far as it can be known, and what.',
  },
  'directive.issued': {
    stream: STREAMS.directives,
    version: 1,
    schema: directiveIssued,
    from: 'scaler',
    outward: 'kimi-swarm, nucleus, model-router',
    meaning: 'A command to an agent system: limits, pauses, models, routing.',
  },
  'directive.acknowledged': {
    stream: STREAMS.directives,
    version: 1,
    schema: directiveAcknowledged,
    from: 'outside (kimi-swarm, nucleus, model-router), deployer',
    meaning: 'The target took the directive.',
  },
  'directive.expired': {
    stream: STREAMS.directives,
    version: 1,
    schema: directiveExpired,
    from: 'scaler',
    outward: 'operators, nucleus',
    meaning: 'Nobody acknowledged a directive in time.',
  },
  'incident.opened': {
    stream: STREAMS.incidents,
    version: 1,
    schema: incidentOpened,
    from: 'incident',
    outward: 'nucleus, chief-of-staff',
    meaning: 'Something went wrong that a person will want to read about, with first evidence.',
  },
  'incident.updated': {
    stream: STREAMS.incidents,
    version: 1,
    schema: incidentUpdated,
    from: 'incident',
    outward: 'nucleus, chief-of-staff',
    meaning: 'An open incident got worse, better or more evidence.',
  },
  'incident.resolved': {
    stream: STREAMS.incidents,
    version: 1,
    schema: incidentResolved,
    from: 'incident',
    outward: 'nucleus, chief-of-staff',
    meaning: 'The condition behind an incident is over.',
  },
  'notice.published': {
    stream: STREAMS.incidents,
    version: 1,
    schema: noticePublished,
    from: 'incident',
    outward: 'nucleus, chief-of-staff, maurice',
    meaning: 'One message to one audience, once.',
  },
  'status.published': {
    stream: STREAMS.status,
    version: 1,
    schema: statusPublished,
    from: 'monitor',
    outward: 'nucleus, chief-of-staff, empire-cli',
    meaning: 'The infrastructure status: services, resource utilisation, uptime.',
  },
} as const satisfies Record<string, CatalogEntry>;

export type EventType = keyof typeof catalog;
export type EventData<T extends EventType> = z.infer<(typeof catalog)[T]['schema']>;

export const EVENT_TYPES = Object.keys(catalog) as readonly EventType[];

/** The catalog's entry of a type from outside, if there is one. */
export function catalogEntry(type: string): CatalogEntry | undefined {
  return Object.hasOwn(catalog, type) ? catalog[type as EventType] : undefined;
}
