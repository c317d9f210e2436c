import type { ServiceContext } from '@ops/shared/runtime';
import type { Database } from './state/directives.js';

/** What the handlers of this service work with. */
export type Scaler = Pick<ServiceContext, 'config' | 'redis' | 'clock' | 'queues' | 'log'> & { readonly database: Database };
