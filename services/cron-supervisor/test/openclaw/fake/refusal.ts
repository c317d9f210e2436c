/** What a gateway answers instead of a payload. */
export class Refusal extends Error {
  readonly code: string;
  readonly details: object | undefined;
  /** The code by which the connection ends after it. */
  readonly close: number | undefined;

  constructor(code: string, message: string, { details, close }: { details?: object; close?: number } = {}) {
    super(message);
    this.code = code;
    this.details = details;
    this.close = close;
  }
}

export function invalid(message: string, more: { details?: object; close?: number } = {}): Refusal {
  return new Refusal('INVALID_REQUEST', message, more);
}
