/** The base of our errors: a code that can be counted, fields that can be searched, and whether trying again can help. */
export class OpsError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: { retryable?: boolean; fields?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.fields = options.fields ?? {};
  }
}

/** Trying again later can help. */
export class RetryableError extends OpsError {
  constructor(code: string, message: string, options: { fields?: Record<string, unknown>; cause?: unknown } = {}) {
    super(code, message, { ...options, retryable: true });
  }
}

/** Trying again cannot help: the event goes to the dead letters at once. */
export class PermanentError extends OpsError {
  constructor(code: string, message: string, options: { fields?: Record<string, unknown>; cause?: unknown } = {}) {
    super(code, message, { ...options, retryable: false });
  }
}

/** The handler wants the event again, later than a reader may hold it: it goes through BullMQ and survives a restart. */
export class DeferError extends OpsError {
  readonly delayMs: number;

  constructor(delayMs: number, why: string) {
    super('DEFERRED', why, { retryable: true, fields: { delayMs } });
    this.delayMs = delayMs;
  }
}

/** The spool holds as much as it may. */
export class SpoolFullError extends RetryableError {
  constructor(folder: string, bytes: number, maxBytes: number) {
    const message = 'the spool is full: bring Redis back, or raise bus.spool.max_mb';
    super('SPOOL_FULL', message, { fields: { folder, bytes, maxBytes } });
  }
}

/** The disk did not take it. */
export class SpoolFailedError extends RetryableError {
  constructor(folder: string, cause: unknown) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    super('SPOOL_FAILED', 'the disk did not take it: look at its space and its rights', { fields: { folder, reason }, cause });
  }
}

/**
 * Fewer replicas than wanted have confirmed in time, or the disk has not. The master has the events: what is published again with
 * the same id is absorbed.
 */
export class NotReplicatedError extends RetryableError {
  /** @param fields replicas that were wanted and that have confirmed; `disk` says whether the master's disk has, where that was wanted */
  constructor(fields: { wanted: number; confirmed: number; disk?: boolean }, cause?: unknown) {
    const missing = fields.disk === false ? 'the disk has not confirmed: the events may be lost with the machine' : TOO_FEW;
    // Asked for and refused (a right is missing), or not answered: the cause says which.
    const what =
      cause === undefined ? missing : 'no confirmation could be had, see the cause: the events may be lost with the master';
    super('BUS_NOT_REPLICATED', what, { fields, ...(cause === undefined ? {} : { cause }) });
  }
}

const TOO_FEW = 'too few replicas have confirmed: the events may be lost with the master';

// A server that is away, starting, full or no longer the master; nothing is wrong with the event.
const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
// 42P01 and 3F000: our own tables are not there yet, because the migration waits for something.
const POSTGRES_CODES = /^(?:08|53|57P0|42P01|3F000)/;
const REDIS_REPLIES =
  /^(?:OOM|READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|MISCONF|UNBLOCKED|EXECABORT|BUSY|FENCED)\b/;
const CLIENT_WORDS =
  /Connection is closed|max retries per request|Connection terminated|Stream isn't writeable|Socket timeout|Command timed out|timeout exceeded when trying to connect|Query read timeout|no answer within/i;

/** Whether an error, or one of its causes, says that a server that we need is away for now. */
export function isUnavailable(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : '';
    if (SYSTEM_CODES.has(code) || POSTGRES_CODES.test(code) || code === 'BUS_UNAVAILABLE' || code === 'BUS_NOT_REPLICATED')
      return true;
    if (REDIS_REPLIES.test(at.message) || CLIENT_WORDS.test(at.message)) return true;
    if (at instanceof AggregateError && at.errors.some((inner) => isUnavailable(inner))) return true;
  }
  return false;
}
