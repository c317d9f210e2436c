import type { Issue } from '../events/index.js';
import { OpsError } from '../streams/index.js';

/** A request that cannot be taken: HTTP status, code, findings. */
export class HttpError extends OpsError {
  readonly status: number;
  readonly issues: readonly Issue[];

  constructor(status: number, code: string, message: string, issues: readonly Issue[] = []) {
    super(code, message, { fields: { issues } });
    this.status = status;
    this.issues = issues;
  }
}
