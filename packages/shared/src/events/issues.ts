import type { z } from 'zod';
import { redactor } from '../secrets/index.js';
import type { Issue } from './errors.js';

const LONGEST_VALUE = 80;
const MOST_ISSUES = 20;

/**
 * Zod's findings as `{ path, value, expected }`, the form in which every bad input of the project is reported.
 * Values are shortened and redacted: a wrong field may hold a secret.
 */
export function issuesOf(error: z.ZodError, input: unknown, root = ''): Issue[] {
  return error.issues.slice(0, MOST_ISSUES).flatMap((issue) => fromZod(issue, input, root));
}

function fromZod(issue: z.core.$ZodIssue, input: unknown, root: string): Issue[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: join(root, [...issue.path, key]),
      value: shown(at(input, [...issue.path, key]), key),
      expected: 'no such key',
    }));
  }
  if (issue.code === 'invalid_union') {
    const branch = issue.errors.reduce<z.core.$ZodIssue[]>(
      (best, next) => (best.length === 0 || deepest(next) > deepest(best) ? next : best),
      [],
    );
    if (branch.length > 0 && deepest(branch) > 0) {
      return branch.flatMap((inner) => fromZod({ ...inner, path: [...issue.path, ...inner.path] }, input, root));
    }
  }
  const key = issue.path.at(-1);
  return [{ path: join(root, issue.path), value: shown(at(input, issue.path), String(key ?? '')), expected: expectation(issue) }];
}

const deepest = (issues: readonly z.core.$ZodIssue[]) => Math.max(0, ...issues.map((issue) => issue.path.length));

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected;
    case 'invalid_value':
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_big':
      return `at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}`;
    case 'too_small':
      return `at least ${issue.minimum}${issue.origin === 'string' ? ' characters' : ''}`;
    case 'invalid_format':
      return issue.message.startsWith('Invalid') ? issue.format : issue.message;
    default:
      return issue.message;
  }
}

function join(root: string, path: readonly PropertyKey[]): string {
  const whole = path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`),
    root,
  );
  return redactor.text(whole === '' ? '(whole)' : whole.slice(0, 200));
}

function at(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      value !== null && typeof value === 'object' && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined,
    input,
  );
}

/** A value for a message: short, redacted, and told apart from nothing at all. */
export function shown(value: unknown, key = ''): string {
  if (value === undefined) return 'missing';
  const clean = redactor.value(key === '' ? value : { [key]: value });
  const inner = key === '' ? clean : (Object.values(clean as object)[0] as unknown);
  const text = JSON.stringify(inner) ?? String(inner);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}
