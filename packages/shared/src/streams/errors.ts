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
const REDIS_REPLIES = /^(?:OOM|READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|MISCONF|UNBLOCKED|EXECABORT)\b/;
const CLIENT_WORDS =
  /Connection is closed|max retries per request|Connection terminated|Stream isn't writeable|Socket timeout|Command timed out|timeout exceeded when trying to connect|Query read timeout|no answer within/i;

/** Whether an error, or one of its causes, says that a server that we need is away for now. */
export function isUnavailable(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : '';
    if (SYSTEM_CODES.has(code) || POSTGRES_CODES.test(code) || code === 'BUS_UNAVAILABLE') return true;
    if (REDIS_REPLIES.test(at.message) || CLIENT_WORDS.test(at.message)) return true;
    if (at instanceof AggregateError && at.errors.some((inner) => isUnavailable(inner))) return true;
  }
  return false;
}
