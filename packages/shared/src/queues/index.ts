export { defineJob, type JobHandler, type JobKind, onJob } from './catalog.js';
export { deferring, onDeliverAgain } from './deliver-again.js';
export { openQueues, type Queues } from './queues.js';
