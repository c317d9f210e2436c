export { openBlockingClient, openClient, type RedisClient } from './clients.js';
export { type ConsumerOptions, StreamConsumer } from './consumer.js';
export { type DeadLetter, dropDeadLetter, listDeadLetters, readDeadLetter, retryDeadLetter } from './dead-letters.js';
export { DeferError, isUnavailable, OpsError, PermanentError, RetryableError } from './errors.js';
export type { Handler, HandlerContext, Handlers } from './handlers.js';
export { type GroupLag, groupLags } from './lag.js';
export { createPublisher, type Publisher } from './publisher.js';
export { trimStream } from './retention.js';
export { type Origin, stamp } from './stamp.js';
