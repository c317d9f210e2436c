import { RetryableError } from '@ops/shared/streams';

/** The source does not answer now: later it may. */
export class SourceDown extends RetryableError {
  constructor(source: string, why: string, cause?: unknown) {
    super('SOURCE_DOWN', `${source} does not answer: ${why}`, { fields: { source }, ...(cause === undefined ? {} : { cause }) });
  }
}
