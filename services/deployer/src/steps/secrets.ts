import type { Redactor } from '@ops/shared/secrets';
import type { ComposeModel } from '../compose-model.js';

// What stands in every environment and is nobody's secret: numbers, yes and no, plain paths, host names with ports.
const HARMLESS =
  /^(?:[\d.,:]+|true|false|yes|no|on|off|none|null|[a-z]{1,12}|\/[\w./-]*|[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)*:\d{1,5})$/i;

/** Makes the values of a project's environment known to what cleans its output: which of them are secrets, nobody tells us. */
export function rememberSecrets(redactor: Redactor, model: ComposeModel): void {
  for (const { environment } of Object.values(model.services)) {
    for (const value of Object.values(environment ?? {})) if (value !== null && !HARMLESS.test(value)) redactor.add(value);
  }
}
