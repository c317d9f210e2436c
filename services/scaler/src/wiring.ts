import { onJob } from '@ops/shared/queues';
import type { ServiceDefinition } from '@ops/shared/runtime';
import { directiveExpiry, queuesFollow } from './jobs.js';
import { migrations } from './migrations/index.js';
import { onAcknowledged } from './on/directive-acknowledged.js';
import { onDirectiveExpiry } from './on/directive-expiry.js';
import { onDirectiveIssued } from './on/directive-issued.js';
import { onLevelChanged } from './on/guard-level-changed.js';
import { onQueuesFollow } from './on/queues-follow.js';
import type { Scaler } from './scaler.js';
import type { DirectiveTable } from './state/directives.js';

/** Swarm capacity: follows the guard's level with limits, pauses and directives. */
export const scaler: ServiceDefinition = {
  name: 'scaler',
  migrations,
  async wire(context) {
    const self: Scaler = { ...context, database: context.database.withTables<{ directive: DirectiveTable }>() };
    return {
      on: {
        'guard.level-changed': (event) => onLevelChanged(self, event),
        'directive.issued': (event) => onDirectiveIssued(self, event),
        'directive.acknowledged': (event) => onAcknowledged(self, event),
      },
      jobs: [onJob(directiveExpiry, (data) => onDirectiveExpiry(self, data)), onJob(queuesFollow, () => onQueuesFollow(self))],
    };
  },
};
