export { AddressError, parseRedisAddress, type RedisAddress, shownAddress } from './address.js';
export { openBlockingClient, openClient, openQueueClient, type RedisClient } from './clients.js';
export { type ConsumerOptions, StreamConsumer } from './consumer.js';
export { type DeadLetter, listDeadLetters, readDeadLetter } from './dead-letter-list.js';
export { dropDeadLetter, retryDeadLetter } from './dead-letters.js';
export { EntryReader } from './entry-reader.js';
export type { RunnerOptions } from './entry-runner.js';
export {
  DeferError,
  isUnavailable,
  NotReplicatedError,
  OpsError,
  PermanentError,
  RetryableError,
  SpoolFailedError,
  SpoolFullError,
} from './errors.js';
export type { Handler, HandlerContext, Handlers } from './handlers.js';
export { findingText, judgeServer, type ServerFinding, type UnsafeRedis } from './judge-server.js';
export { type GroupLag, groupLags } from './lag.js';
export { createPublisher, type Publisher, type PublisherOptions } from './publisher.js';
export { type Replayed, type ReplayRange, readRange, replayInto } from './replay.js';
export { type RetentionPolicy, type Trimmed, trimStream } from './retention.js';
export { parseServerFacts, readServerFacts, type ServerFacts, type ServerFeatures } from './server-facts.js';
export type { SpoolEntry } from './spool/line.js';
export { openSpool } from './spool/open-spool.js';
export type { Spool, SpoolOptions, SpoolSize } from './spool/spool.js';
export { type Origin, stamp } from './stamp.js';
export { StreamTail, type TailedEntry } from './stream-tail.js';
