import { HttpError } from '@ops/shared/runtime';
import { OpsError } from '@ops/shared/streams';
import type { Registry } from '../registry.js';

/** Says 503, with what is the matter, for what may work in a moment: a source that is away, an intake that is full. */
export async function passing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof OpsError && error.retryable) throw new HttpError(503, error.code, error.message);
    throw error;
  }
}

/** Throws an HttpError 503 before the jobs have been read: until then nobody can say that there is none of a name. */
export function mustBeRead({ known }: Pick<Registry, 'known'>): void {
  if (!known) throw new HttpError(503, 'STARTING', 'the jobs have not been read yet: try again in a moment');
}
