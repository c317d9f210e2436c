import type { OutputRule } from '@ops/shared/config';
import { Ajv, type ValidateFunction } from 'ajv';

// What agents say when they have nothing to say.
const SILENCE = /^(?:NO_REPLY|HEARTBEAT_OK)$/;

const ajv = new Ajv({ strict: false, allErrors: false });
const compiled = new WeakMap<object, ValidateFunction>();

/** Whether there is nothing in an output. */
export function isSilent(output: string | null): boolean {
  const text = output?.trim() ?? '';
  return text === '' || SILENCE.test(text);
}

/** Whether a rule can only be met by an output. */
export function asksForOutput({ pattern, min_length: least, json_schema: schema }: OutputRule): boolean {
  return pattern !== undefined || schema !== undefined || (least ?? 0) > 0;
}

/** What an output lacks by its job's rule; undefined where it has everything. A rule that cannot be read is a lack, too. */
export function outputProblem(rule: OutputRule, output: string): string | undefined {
  const text = output.trim();
  const { pattern, min_length: least, json_schema: schema } = rule;
  if (least !== undefined && text.length < least) return `it has ${text.length} characters, expected at least ${least}`;
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(output)) return `it does not match ${pattern}`;
  return schema === undefined ? undefined : jsonProblem(schema, text);
}

function jsonProblem(schema: Record<string, unknown>, text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  try {
    const validate = compiled.get(schema) ?? ajv.compile(schema);
    compiled.set(schema, validate);
    if (validate(value)) return undefined;
    const [error] = validate.errors ?? [];
    return `it is not of the form that its JSON Schema asks for: ${error?.instancePath || '/'} ${error?.message ?? ''}`.trim();
  } catch (error) {
    return `its JSON Schema cannot be used: ${error instanceof Error ? error.message : String(error)}`.slice(0, 500);
  }
}
