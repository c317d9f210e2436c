export { defineJob, type JobHandler, type JobKind, onJob } from './catalog.js';
export { openQueues, type Queues } from './queues.js';
