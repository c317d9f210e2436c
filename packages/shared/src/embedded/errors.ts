export type EmbeddedErrorCode = 'INSTANCE_IN_USE' | 'REDIS_MISSING' | 'POSTGRESQL_MISSING' | 'SERVER_DID_NOT_START';

/**
 * What stops an instance from opening. `code` is for programs, `message` for the operator: it names what to do.
 * `fields` carries the facts (pid, address, home, …) and never a password.
 */
export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError';

  constructor(
    readonly code: EmbeddedErrorCode,
    message: string,
    readonly fields: Readonly<Record<string, string | number>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
