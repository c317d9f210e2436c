import type { ServiceContext } from '@ops/shared/runtime';
import type { Outbox } from './act/outbox.js';
import type { AlertsRound } from './on/alerts-round.js';
import type { Guard } from './on/guard-round.js';
import type { StatusRound } from './on/status-round.js';
import type { AlertDatabase } from './state/alerts.js';
import type { PlannedDowntime } from './state/planned-downtime.js';

/** What the handlers and routes of this service work with. */
export type Monitor = Pick<ServiceContext, 'config' | 'host' | 'clock' | 'log' | 'publisher' | 'queues'> & {
  readonly guard: Guard;
  readonly status: StatusRound;
  readonly alerts: AlertsRound;
  readonly alertDatabase: AlertDatabase;
  readonly outbox: Outbox;
  readonly planned: PlannedDowntime;
};
