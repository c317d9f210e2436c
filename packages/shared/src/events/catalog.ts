import type { z } from 'zod';
import { STREAMS, type StreamName } from './keys.js';
import { alertAcknowledged, alertCleared, alertRaised, alertReported, alertSilenced, alertUnsilenced } from './schemas/alert.js';
import {
  cronRetryScheduled,
  cronReviewPublished,
  cronRunFailed,
  cronRunKilled,
  cronRunMissed,
  cronRunOverran,
  cronRunStarted,
  cronRunSucceeded,
} from './schemas/cron.js';
import {
  deployApprovalRequired,
  deployApproved,
  deployBlocked,
  deployDeferred,
  deployFailed,
  deployRejected,
  deployRequested,
  deployRolledBack,
  deployStarted,
  deployStepFinished,
  deploySucceeded,
} from './schemas/deploy.js';
import { directiveAcknowledged, directiveExpired, directiveIssued } from './schemas/directive.js';
import { guardLevelChanged, guardReported, guardRunawayHandled, guardSampled } from './schemas/guard.js';
import { incidentOpened, incidentResolved, incidentUpdated, noticePublished } from './schemas/incident.js';
import { securityDetected } from './schemas/security.js';
import { statusPublished } from './schemas/status.js';

export interface CatalogEntry {
  readonly stream: StreamName;
  readonly version: number;
  readonly schema: z.ZodType<Record<string, unknown>>;
  /** One sentence. */
  readonly meaning: string;
  /** Who writes it: services of this project, or `outside`. */
  readonly from: string;
  /** Who outside this project reads it; without this, a service of the project must handle it. */
  readonly outward?: string;
  /** With `bus.min_replicas`, it counts as published only when so many replicas have it. */
  readonly confirmed?: boolean;
}

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
  'deploy.requested': {
    stream: STREAMS.deploys,
    version: 1,
    schema: deployRequested,
    from: 'outside (nucleus), deployer (`ops deploy`, HTTP)',
    confirmed: true,
    meaning: 'Somebody asks for a deployment.',
  },
  'deploy.blocked': {
    stream: STREAMS.deploys,
    version: 1,
    schema: deployBlocked,
    from: 'deployer',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A request is refused, with every reason; nothing was touched.',
  },
  'deploy.deferred': {
    stream: STREAMS.deploys,
    version: 1,
    schema: deployDeferred,
    from: 'deployer',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A deployment waits: for the guard, for a freeze to end, for the engine, or behind another one.',
  },
  'deploy.approval-required': {
    stream: STREAMS.deploys,
    version: 1,
    schema: deployApprovalRequired,
    from: 'deployer',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A person must decide: what is planned cannot be taken back.',
  },
  'deploy.approved': {
    stream: STREAMS.deploys,
    version: 1,
    schema: deployApproved,
    from: 'deployer (an operator)',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A person has approved this very plan.',
  },
  'deploy.rejected': {
    stream: STREAMS.deploys,
    version: 1,
    schema: deployRejected,
    from: 'deployer (an operator)',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A person has said no, or nobody answered in time.',
  },
  'deploy.started': {
    stream: STREAMS.deploys,
    version: 1,
    schema: deployStarted,
    from: 'deployer',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'From here on containers are changed.',
  },
  'deploy.step-finished': {
    stream: STREAMS.deploys,
    version: 1,
    schema: deployStepFinished,
    from: 'deployer',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'One step of a deployment has ended, with its duration.',
  },
  'deploy.succeeded': {
    stream: STREAMS.deploys,
    version: 1,
    schema: deploySucceeded,
    from: 'deployer',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'After the watch window every service runs what was asked for, healthy.',
  },
  'deploy.failed': {
    stream: STREAMS.deploys,
    version: 1,
    schema: deployFailed,
    from: 'deployer',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'It did not work, and nothing was rolled back: nothing was touched, or the way back failed too.',
  },
  'deploy.rolled-back': {
    stream: STREAMS.deploys,
    version: 1,
    schema: deployRolledBack,
    from: 'deployer',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'It did not work; everything runs as before, proven healthy.',
  },
  'cron.run-started': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRunStarted,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A run of a scheduled job has begun.',
  },
  'cron.run-succeeded': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRunSucceeded,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A run did its work: its source says so, and its output is what it should be.',
  },
  'cron.run-failed': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRunFailed,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A run did not do its work, whatever its source calls it.',
  },
  'cron.run-missed': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRunMissed,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A slot of a schedule passed, and its grace with it, and no run had begun; said once for each slot.',
  },
  'cron.run-overran': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRunOverran,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A run takes longer than its limit.',
  },
  'cron.run-killed': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRunKilled,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A run past its limit was ended, or could not be, with the evidence.',
  },
  'cron.retry-scheduled': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRetryScheduled,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A failed run is tried once more, at this time; said again where that is put off.',
  },
  'cron.review-published': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronReviewPublished,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'The weekly look at all jobs: what drifts, fails now and then, is missed, or says nothing; and what is proposed.',
  },
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
