import type { Redactor } from '@ops/shared/secrets';
import { readIfThere } from '../act/own-files.js';
import type { ComposeModel } from '../compose-model.js';
import { isHarmless, secretForms } from '../decide/secret-forms.js';

/** Makes the values of a project's environment known to what cleans its output, in the forms in which they may come back. */
export function rememberSecrets(redactor: Redactor, model: ComposeModel): void {
  for (const { environment, build, command, labels } of Object.values(model.services)) {
    for (const value of textsIn([build, command, labels])) remember(redactor, value.replaceAll('$$', '$'));
    // A rendered project doubles each dollar, so that it can be read as a Compose file again.
    for (const value of Object.values(environment ?? {})) if (value !== null) remember(redactor, value.replaceAll('$$', '$'));
  }
}

/** The same of files that set variables, before Compose has read them: its complaints may show what it could not use. */
export async function rememberEnvFiles(redactor: Redactor, files: readonly string[]): Promise<void> {
  for (const file of files) {
    const text = await readIfThere(file);
    for (const [, value = ''] of text.matchAll(/^\s*(?:export\s+)?[\w.-]+\s*[=:]\s*(.*?)\s*$/gm)) {
      remember(redactor, value);
      remember(redactor, value.replace(/^(['"])(.*)\1$/, '$2'));
    }
  }
}

/** The content of Compose secrets. */
export async function rememberSecretFiles(redactor: Redactor, model: ComposeModel): Promise<void> {
  for (const { file } of Object.values(model.secrets ?? {}))
    if (file !== undefined) remember(redactor, (await readIfThere(file)).trim());
}

// Anywhere in a value: texts of build arguments, commands, labels.
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(textsIn) : [];
}

function remember(redactor: Redactor, value: string): void {
  if (isHarmless(value)) return;
  redactor.add(value);
  for (const form of secretForms(value)) redactor.add(form);
  // A log shows it line by line.
  if (value.includes('\n')) for (const line of value.split('\n')) remember(redactor, line);
}
