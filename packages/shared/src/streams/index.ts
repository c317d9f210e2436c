export { openBlockingClient, openClient } from './clients.js';
export { type ConsumerOptions, StreamConsumer } from './consumer.js';
export { type DeadLetter, dropDeadLetter, listDeadLetters, readDeadLetter, retryDeadLetter } from './dead-letters.js';
export {
  isUnavailable,
  NotReplicatedError,
  OpsError,
  PermanentError,
  RetryableError,
  SpoolFailedError,
  SpoolFullError,
} from './errors.js';
export { type GroupLag, groupLags } from './groups.js';
export type { Handler, HandlerContext, Handlers } from './handlers.js';
export { createPublisher, type Publisher, type PublisherOptions } from './publisher.js';
export { trimStream } from './retention.js';
export type { SpoolEntry } from './spool/line.js';
export { openSpool } from './spool/open-spool.js';
export type { Spool, SpoolOptions, SpoolSize } from './spool/spool.js';
export { type Origin, stamp } from './stamp.js';
