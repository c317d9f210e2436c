import type { OutputRule } from '@ops/shared/config';
import { Ajv, type ValidateFunction } from 'ajv';

// What agents say when they have nothing to say.
const SILENCE = /^(?:NO_REPLY|HEARTBEAT_OK)$/;

// By their text: a rule is read again and again. Each has an Ajv of its own, or two with one `$id` would be in each other's way.
const compiled = new Map<string, ValidateFunction>();
const MOST_COMPILED = 1000;

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
    const validate = validatorOf(schema);
    if (validate(value)) return undefined;
    const [error] = validate.errors ?? [];
    return `it is not of the form that its JSON Schema asks for: ${error?.instancePath || '/'} ${error?.message ?? ''}`.trim();
  } catch (error) {
    return `its JSON Schema cannot be used: ${error instanceof Error ? error.message : String(error)}`.slice(0, 500);
  }
}

function validatorOf(schema: Record<string, unknown>): ValidateFunction {
  const key = JSON.stringify(schema);
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const made = new Ajv({ strict: false, addUsedSchema: false }).compile(schema);
  if (compiled.size >= MOST_COMPILED) compiled.clear();
  compiled.set(key, made);
  return made;
}
