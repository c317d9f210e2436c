const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there',
  ECONNRESET: 'connection reset before the answer was complete',
  EPIPE: 'connection closed before the question was sent',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'the host name could not be resolved',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'the connection timed out',
  ENOENT: 'no such file or socket',
  EACCES: 'permission denied',
  HPE_INVALID_CONSTANT: 'the answer is no HTTP',
};

/** Whether an error proves that nothing listens: a refusal comes from the host's kernel, not from a service that is slow or ill. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}

/** What an error says to an operator, in a few words. */
export function errorWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const words = code === undefined ? undefined : WORDS[code];
  if (words !== undefined) return words;
  // An AggregateError (one for each address of a host name) has no message of its own.
  const first = error instanceof AggregateError ? error.errors[0] : undefined;
  if (error.message === '') return first === undefined ? (code ?? error.name) : errorWords(first);
  return error.message;
}
